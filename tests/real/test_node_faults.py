"""Every fault of a camera against a running node: its state is told in useful words, it recovers, no other is touched."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from node_rig import Rig, assert_untouched, now, rig_with, small, until

from khue.model.camera import CameraState
from khue.model.coverage import GapCause
from khue.wire.link import StreamStatus

HEALTHY = ("well-1", "well-2", "well-udp", "well-tls")


def _healthy() -> list:
    return [
        small("well-1"),
        small("well-2", audio="pcma"),
        small("well-udp", transports=("udp",)),
        small("well-tls", tls=True, packet_pace=True),
    ]


class Told(NamedTuple):
    """A status that must be reported for a sick camera."""

    state: CameraState
    cause: GapCause | None
    words: str

    def matches(self, status: StreamStatus) -> bool:
        return (status.state, status.cause) == (self.state, self.cause) and self.words in status.detail


UNREACHABLE, STALLED, REFUSED = CameraState.UNREACHABLE, CameraState.STALLED, CameraState.REFUSED

CONNECTION_FAULTS = {
    "dead": [Told(UNREACHABLE, GapCause.CAMERA, "connection refused")],
    "unroutable": [
        Told(STALLED, GapCause.CAMERA, "no picture has come"),
        Told(UNREACHABLE, GapCause.LINK, "no answer within 5 s"),
    ],
    "stalled": [Told(STALLED, GapCause.CAMERA, "no picture has come for 4 s")],
    "reset": [Told(UNREACHABLE, GapCause.CAMERA, "broke the connection")],
    "flapping": [Told(UNREACHABLE, GapCause.CAMERA, "broke the connection")],
    "wrong-password": [Told(REFUSED, GapCause.CAMERA, "password refused")],
    "redirect": [Told(UNREACHABLE, GapCause.CAMERA, "broke the connection")],
}


async def _fall_ill_and_recover(rig: Rig, fault: str) -> None:
    await rig.city.fault(fault, fault, **({"every_s": 1.5} if fault == "flapping" else {}))
    if fault in ("wrong-password", "redirect"):  # they show when the camera is connected to again
        await rig.city.fault(fault, "reset")
    for expected in CONNECTION_FAULTS[fault]:
        await until(lambda e=expected: any(map(e.matches, rig.heard(fault))), f"{fault}: {expected}", 20)
    if fault == "flapping":
        await until(lambda: len(rig.city.sent(fault)) > 2, "it is tried again each time")
    elif fault == "redirect":
        await rig.recording([fault])
    await rig.city.clear(fault)
    await rig.recording([fault])


async def test_cameras_whose_connection_fails(tmp_path: Path) -> None:
    """Gone, silent, cut, refusing: the gap has a row with the cause, and ends when the fault does."""
    sick = {fault: small(fault) for fault in CONNECTION_FAULTS}
    async with rig_with(tmp_path / "node", [*sick.values(), *_healthy()]) as rig:
        rig.desire()
        await rig.start_node()
        await rig.recording()
        broken = now()
        await asyncio.gather(*(_fall_ill_and_recover(rig, fault) for fault in sick))
        await asyncio.sleep(1.2)
        stopped = await rig.stop_node()
        for fault, told in CONNECTION_FAULTS.items():
            _assert_accounted(rig, fault, stopped)
            causes = {gap.cause for gap in rig.rows(fault)[1] if gap.end is None or gap.end > broken}
            assert {expected.cause for expected in told} <= causes, f"{fault}: {rig.rows(fault)[1]}"
        assert_untouched(rig, HEALTHY, stopped, at_least=60)
        assert rig.check().details == ()


def _assert_accounted(rig: Rig, name: str, until: int) -> None:
    found = rig.account(name, until)
    assert found.frames_sent > 0
    assert found.frames_lost_without_row == 0, f"{name}: {found} {rig.rows(name)}"
    assert rig.ledger_flaws(name, until) == [], f"{name}: {rig.rows(name)}"


PICTURE_FAULTS = ("resolution", "frozen", "black", "covered", "moved")
BYTE_FAULTS: dict[str, dict[str, float]] = {
    "garbage": {"bytes": 64, "every": 3},
    "half-packets": {"every": 6},
    "slow-link": {"bytes_per_s": 24_000},
    "loss": {"percent": 5.0},
    "reorder": {"percent": 30.0},
    "clock-jump": {"seconds": 3600.0},
    "timestamp-jump": {"seconds": 600.0},
    "stale-nonce": {},
}


async def test_cameras_that_send_odd_bytes_go_on_being_recorded(tmp_path: Path) -> None:
    """Garbage, half packets, loss, disorder, jumping clocks, other pictures: recorded as sent, what is lost has a row."""
    sick = [small(fault) for fault in (*BYTE_FAULTS, *PICTURE_FAULTS)]
    sick[[*BYTE_FAULTS].index("reorder")] = small("reorder", transports=("udp",))
    sick[[*BYTE_FAULTS].index("stale-nonce")] = small("stale-nonce", session_timeout_s=6.0)
    sick.append(small("loss-udp", transports=("udp",)))
    names = [camera.name for camera in sick]
    async with rig_with(tmp_path / "node", [*sick, *_healthy()]) as rig:
        rig.desire()
        await rig.start_node()
        await rig.recording()
        await asyncio.gather(*(rig.city.fault(f, f, **BYTE_FAULTS.get(f, {})) for f in names if f != "loss-udp"))
        await rig.city.fault("loss-udp", "loss", percent=5.0)
        began = len(rig.history)
        await until(lambda: rig.status("resolution").width == 208, "the new picture size", 15)
        await until(lambda: abs((rig.status("clock-jump").clock_offset_ms or 0) - 3_600_000) < 5000, "its clock", 15)
        await until(lambda: _played(rig, "stale-nonce") > 8, "keep-alives with the new nonce", 15)
        for fault in names:
            await rig.city.clear(fault)
        await asyncio.sleep(1.2)
        stopped = await rig.stop_node()
        for name in names:
            _assert_accounted(rig, name, stopped)
            assert len(rig.city.sent(name)) == 1, f"{name} was disconnected"
        assert {s.state for s in rig.history[began:]} == {CameraState.RECORDING}
        for lossy in ("loss", "loss-udp"):
            assert any(gap.partial and "packets lost" in gap.detail for gap in rig.rows(lossy)[1])
        for whole in ("garbage", "reorder", "slow-link", *PICTURE_FAULTS):
            found = rig.account(whole, stopped)
            assert found.frames_recorded == found.frames_sent, f"{whole}: {found}"
        assert not any(gap.partial for gap in rig.rows("reorder")[1][1:]) or _late_only(rig, "reorder")
        assert_untouched(rig, HEALTHY, stopped, at_least=60)
        assert rig.check().details == ()


def _played(rig: Rig, name: str) -> float:
    """Seconds the present session lasts."""
    session = rig.city.sent(name)[-1]
    return (now() - session.started) / 1_000_000 if session.ended is None else 0.0


def _late_only(rig: Rig, name: str) -> bool:
    """A packet overtaken across two blocks looks lost in the first; the rows stay few."""
    return sum(gap.partial for gap in rig.rows(name)[1]) <= 3
