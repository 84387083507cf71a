"""Run as a program: embedded engines until killed; says their process ids and addresses as one JSON line."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from khue.store.engines import Engines, EngineSettings


async def main(directory: Path) -> None:
    engines = Engines(EngineSettings(data_dir=directory))
    await engines.start()
    assert engines.postgres is not None and engines.postgres.process is not None
    assert engines.nats is not None and engines.nats.process is not None
    told = {
        "pids": [engines.postgres.process.pid, engines.nats.process.pid],
        "dsn": engines.postgres.dsn,
        "bus": engines.bus_url,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
