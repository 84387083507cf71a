"""Retention while a node records, and what a camera owes the ledger when it comes and goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from node_rig import SECOND, now, rig_with, small, until

from khue.model.coverage import GapCause
from khue.wire.link import Hold, RetentionPolicy

TERM_S = 2.0
POLICIES = (
    RetentionPolicy(name="short", days=TERM_S / 86400),
    RetentionPolicy(name="gone", days=TERM_S / 86400),
    RetentionPolicy(name="long", days=1.0),
)
SETTINGS = {"retention_every_s": 0.2, "file_minutes": 0.5 / 60}


async def test_what_is_past_its_term_goes_and_what_is_held_stays(tmp_path: Path) -> None:
    """Also of a class that no camera writes to any more, while other recordings go on over the deleted part."""
    classes = {"brief": "short", "held": "short", "left": "gone", "kept": "long"}
    async with rig_with(tmp_path / "node", [small(name) for name in classes], **SETTINGS) as rig:
        start = now()
        hold = Hold(id="h", camera="held", start=start, end=start + 4 * SECOND, reason="case 7", review=start)
        specs = [rig.spec(name, retention_class=name_of) for name, name_of in classes.items()]
        desired = rig.desire(specs, retention=POLICIES, holds=(hold,))
        node = await rig.start_node()
        await rig.recording()
        await asyncio.sleep(1.5)
        node._changed(msgspec.structs.replace(desired, revision=2, cameras=tuple(s for s in specs if s.id != "left")))
        left = now()
        await until(lambda: not list(rig.root.glob("gone/*.khl")), "the files of a class nobody writes to", 20)
        with rig.index() as index:
            begun = index.coverage(index.find_stream("brief", "main"), 0, 2**62)
        assert now() - begun[0][-1].start < 10 * SECOND, f"the span still begins before what was deleted: {begun}"
        await rig.city.fault("brief", "reset")  # the span ends, and must not be stored with its old beginning
        await until(lambda: len(rig.city.sent("brief")) == 2, "the next session")
        await asyncio.sleep(1.2)
        stopped = await rig.stop_node()
        assert rig.check().details == ()
        for name in classes:
            assert rig.ledger_flaws(name, left if name == "left" else stopped) == [], rig.rows(name)
            assert rig.account(name, stopped).frames_lost_without_row == 0
        kept = rig.account("kept", stopped)
        assert kept.frames_recorded == kept.frames_sent
        _, gaps = rig.rows("brief")
        policy = [gap for gap in gaps if gap.cause is GapCause.POLICY]
        assert policy and "of class short has ended" in policy[0].detail
        assert rig.blocks("brief")[0].meta.first > policy[-1].end - SECOND
        held = rig.account("held", hold.end)
        assert held.frames_recorded == held.frames_sent > 10, "a legal hold outranks the term"


async def test_a_camera_owes_nothing_for_the_time_it_was_not_wanted(tmp_path: Path) -> None:
    """Taken away and given back over a restart: no row in between, and the chain goes on."""
    async with rig_with(tmp_path / "node", [small("a"), small("b")]) as rig:
        both = rig.desire()
        node = await rig.start_node()
        await rig.recording()
        await asyncio.sleep(1)
        node._changed(msgspec.structs.replace(both, revision=2, cameras=both.cameras[:1]))
        await asyncio.sleep(1)
        await rig.stop_node()
        node = await rig.start_node()
        await rig.recording(["a"])
        wanted_again = now()
        again = msgspec.structs.replace(rig.spec("b"), since=wanted_again)
        node._changed(msgspec.structs.replace(both, revision=3, cameras=(both.cameras[0], again)))
        await rig.recording()
        await asyncio.sleep(1)
        stopped = await rig.stop_node()
        assert rig.check().details == ()
        assert rig.ledger_flaws("a", stopped) == []
        spans, gaps = rig.rows("b")
        assert len(spans) == 2
        assert [gap for gap in gaps if gap.start < wanted_again and gap.start >= spans[0].end] == []
        assert gaps[-1].start == wanted_again, (
            "the gap begins when recording was expected, not when the node heard of it"
        )
        assert [block.meta.sequence for block in rig.blocks("b")] == list(range(len(rig.blocks("b"))))
