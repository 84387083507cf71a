"""A node obeys what is desired of it, and nothing that was meant for another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from khue.model.time import SystemClock
from khue.node.link import Link
from khue.wire.bus import Received
from khue.wire.link import Desired, Join


async def test_a_desired_state_for_another_node_is_not_obeyed(tmp_path: Path) -> None:
    obeyed: list[Desired] = []
    nothing: Any = None
    join = Join(node="ward-a", sites=("a",), lan_url="", version="1", capacity=1)
    link = Link(
        join,
        nothing,
        tmp_path,
        SystemClock(),
        on_desired=obeyed.append,
        heartbeat=nothing,
        relay=nothing,
        reads=nothing,
        probe=nothing,
        scans=nothing,
        end_viewing=nothing,
    )

    async def push(desired: Desired) -> None:
        await link._pushed(Received("khue.node.ward-a.desired", msgspec.msgpack.encode(desired), ""))

    await push(Desired(node="ward-b", revision=9))
    assert obeyed == []
    await push(Desired(node="ward-a", revision=2))
    assert [one.revision for one in obeyed] == [2]
