"""A khue node as shipped, one recorder worker, no centre: it records its last desired state.

Started as ``python -m bench.programs.khue_node FOLDER`` with the cameras (JSON) on standard input. Prints one JSON line each
time the number of recording cameras or a worker's process changes, a last one with totals when SIGTERM ended it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from pathlib import Path

from bench.programs.parent import die_with_parent
from khue.model.camera import CameraState, StreamName
from khue.model.time import SystemClock
from khue.node.config import NodeConfig
from khue.node.desired import DesiredStore
from khue.node.service import Node
from khue.wire.link import CameraSpec, Desired, ProbeReply, ProbeRequest, StreamSpec

NODE = "bench"


async def no_probe(_: ProbeRequest) -> ProbeReply:
    return ProbeReply()


async def main() -> None:
    folder = Path(sys.argv[1])
    specs = tuple(
        CameraSpec(
            id=name,
            name=name,
            username=username,
            password=password,
            streams=(StreamSpec(name=StreamName.MAIN, url=url),),
        )
        for name, url, username, password in json.load(sys.stdin)
    )
    folder.mkdir(exist_ok=True)
    DesiredStore(folder / "desired.state").save(Desired(node=NODE, revision=1, cameras=specs))
    config = NodeConfig(id=NODE, data=str(folder), workers=1, capacity=len(specs))
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    node = Node(config, None, SystemClock(), no_probe, "bench")
    began = time.monotonic()
    await node.start()
    told: tuple[int, list[int]] = (-1, [])
    recording_after: dict[str, float] = {}
    connecting: float | None = None
    while not stopping.is_set():
        recording = [s.camera for s in node.workers.statuses.values() if s.state is CameraState.RECORDING]
        now = time.monotonic()
        if connecting is None and node.workers.statuses:
            connecting = now
        for camera in recording:
            recording_after.setdefault(camera, now - (connecting or now))
        if told != (len(recording), node.workers.pids):
            told = (len(recording), node.workers.pids)
            print(json.dumps({"recording": told[0], "workers": told[1]}), flush=True)
        # Watching costs the node's process time: often only until all record.
        pause = 1.0 if len(recording) == len(specs) else 0.05
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
    lost = sum(counters.packets_lost for counters in node.workers.counters())
    await node.stop()
    report = {"packets_lost": lost, "after": recording_after, "started_s": round((connecting or began) - began, 2)}
    print(json.dumps({"recording": told[0], "workers": told[1], **report}), flush=True)


if __name__ == "__main__":
    die_with_parent()
    asyncio.run(main())
