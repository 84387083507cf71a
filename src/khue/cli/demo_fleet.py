"""The demo's fleet: the books of a simulated city, imported as an officer would, and nodes that report on its cameras."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from khue.cli.api import Api
from khue.model.errors import KhueError
from khue.sim.fleet import fates
from khue.sim.fleet.generate import write_fleet

SEED = 7
_POLL_S = 0.5
_BUSY = ("planning", "applying")
_SPARE = 500  # cameras a node could take beyond those of its site


class DemoFleet:
    """Generates, imports, enrols; ``say`` tells a person how far it is."""

    def __init__(self, api: Api, folder: Path, cameras: int, say: Callable[[str], None]) -> None:
        self._api = api
        self._cameras = cameras
        self._say = say
        self.folder = folder
        self.registry = folder / "registry.jsonl"
        self.report: dict[str, Any] = {}

    def load(self) -> None:
        """The whole import. Raises KhueError with the centre's words; nothing is imported then."""
        began = time.monotonic()
        self._say(f"writing the books of a city with {self._cameras} cameras ...")
        made = write_fleet(self._cameras, SEED, self.folder)
        generated = time.monotonic()
        self._say(f"importing {made.files} files of {made.agencies} agencies, as an officer would ...")
        import_id = str(self._api.call("POST", "/imports", {"name": "Bảng kê của các đơn vị (mô phỏng)"})["id"])
        for file in sorted(self.folder.iterdir()):
            if file.suffix in (".xlsx", ".csv"):
                self._api.upload(f"/imports/{import_id}/files/{quote(file.name, safe='')}", file)
        self._work(import_id, "plan")
        counts = self._work(import_id, "apply")["counts"]
        self.report = {
            "cameras": made.cameras,
            "rows": made.rows,
            **{name: counts[name] for name in ("created", "duplicate", "refused", "lost")},
            "generate_seconds": round(generated - began, 1),
            "import_seconds": round(time.monotonic() - generated, 1),
        }
        self._say(self.line())

    def line(self) -> str:
        """How the import went, in one line."""
        told = self.report
        return (
            f"fleet: {told['created']} cameras of {told['rows']} rows, {told['duplicate']} twice, {told['refused']} refused, "
            f"{told['lost']} lost; books {told['generate_seconds']} s, import {told['import_seconds']} s"
        )

    def _work(self, import_id: str, what: str) -> dict[str, Any]:
        self._api.call("POST", f"/imports/{import_id}/{what}")
        while (found := self._api.call("GET", f"/imports/{import_id}"))["state"] in _BUSY:
            time.sleep(_POLL_S)
        if found["error"]:
            raise KhueError(f"the books of the simulated fleet were not imported: {found['error']}")
        answer: dict[str, Any] = found
        return answer

    def enrol(self) -> Path:
        """A node for each network the books name; returns the file their process reads, which only its owner can."""
        cards = []
        for site, cameras in sorted(fates.load(self.registry).sites.items()):
            node = f"nut-{site.removeprefix('mang-')}"
            token = self._api.call("POST", "/nodes", {"id": node, "sites": [site]})["token"]
            cards.append({"id": node, "token": token, "sites": [site], "capacity": cameras + _SPARE})
        file = self.folder / "nodes.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(cards))
        return file
