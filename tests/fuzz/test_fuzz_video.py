"""Everything that reads media of a camera, on spoilt and random bytes: a bounded time, the errors promised, nothing else."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from video_checks import ARRIVAL, CHECKS, PPS, SEEDS, SPS

from khue.model.media import Codec, Track
from khue.video.remux import Remuxer


def spoilt(good: list[bytes]) -> st.SearchStrategy[bytes]:
    """Good bytes with a stretch cut out, doubled or replaced, up to three times; or anything at all."""

    def spoil(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for start, length, put in changes:
            start %= len(data) + 1
            data = data[:start] + put + data[start + length :]
        return data

    change = st.tuples(st.integers(0, 4096), st.integers(0, 40), st.binary(max_size=20))
    return st.one_of(
        st.builds(spoil, st.sampled_from(good), st.lists(change, min_size=1, max_size=3)), st.binary(max_size=400)
    )


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_check(name: str) -> None:
    check: Callable[[bytes], None] = CHECKS[name]

    @settings(max_examples=400, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(spoilt(SEEDS[name]))
    def run(data: bytes) -> None:
        check(data)

    run()
    for data in SEEDS[name]:
        check(data)


def packets(payload: bytes, count: int, *, sound: bool = False, step: int = 0, start: int = 3) -> bytes:
    """Packets in sequence, ``step`` ticks apart, each with the marker."""
    channel, kind = (2, 0x88) if sound else (0, 0xE0)
    return b"".join(
        struct.pack(">BBHBBHII", 0x24, channel, 12 + len(payload), 0x80, kind, n & 0xFFFF, n * step, 1) + payload
        for n in range(start, start + count)
    )


HOSTILE = {
    "a picture in every packet": packets(b"\x65\x88", 20_000, step=179_000),
    "tiny slices in aggregates": packets(b"\x78" + b"\x00\x02\x41\x9a" * 1000, 100),
    "tiny fragments": packets(b"\x7c\x05", 30_000),
    "a new parameter set in every packet": packets(b"\x67\x64\x00\x28" + b"\x00" * 4000, 120, step=0),
    "start codes inside a parameter set": packets(b"\x67" + b"\x00\x00\x01\x67" * 1000, 120, step=0),
    "sound with holes": packets(b"\xd5", 5_000, sound=True, step=15_000),
    "every packet out of order": packets(b"\x41\x9a", 20_000, step=1)[::-1],
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_input_costs_a_bounded_time(name: str) -> None:
    tracks = [Track(0, Codec.H264, 96, 90000), Track(2, Codec.PCMA, 8, 8000)]
    remuxer = Remuxer(tracks, keep_damaged=True)
    for start, unit in enumerate((SPS, PPS, b"\x65\x88")):
        remuxer.feed(packets(unit, 1, start=start), ARRIVAL)
    remuxer.feed(HOSTILE[name], ARRIVAL)
    remuxer.flush()
