"""Every parser of what cameras send, on spoilt and random bytes: a bounded time, the errors promised, nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from camera_checks import CHECKS, open_canned
from camera_seeds import CONVERSATION, SEEDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


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
def test_parser(name: str) -> None:
    check: Callable[[bytes], None] = CHECKS[name]

    @settings(max_examples=250, deadline=2000, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(spoilt(SEEDS[name]))
    def run(data: bytes) -> None:
        check(data)

    run()
    for data in SEEDS[name]:
        check(data)


HOSTILE = {
    "rtsp": [b"RTSP/1.0 200 OK\r\n" + b" x\r\n" * 90 + b"\r\n", b"\r" * 16000 + b"\n\n", b"A: b\n" * 100_000],
    "sdp": [b"m=video 0 RTP/AVP " + b"96 " * 20_000, b"a=fmtp:96 " + b"x=y;" * 60_000, b"a" * 250_000],
    "interleaved": [b"$" * 200_000, b"RTSP/" * 20_000, b"$\0\0\x08\x80aaaaaaa\x01" * 5_000, b"OPTIONS \n" * 9_000],
    "auth": [b'Digest a="\\' * 1500, b"a=" * 8000, b"a " * 8000, b"Digest " + b'x="' * 5000],
    "urls": [b"user=" * 3000, b"/user=_user=" * 1500, b"rtsp://" * 2000, b"://@" * 4000],
    "banners": [
        b"HTTP/1.1 200 \r\n" + b"a: b\r\n" * 60_000,
        b'www-authenticate: a="' * 4000,
        b"AXIS_ Login to " * 8000,
    ],
    "jpeg": [
        b"\xff\xd8" + b"\xff" * 300_000,
        b"\xff\xd8" + b"\xff\xd0" * 150_000,
        b"\xff\xd8" + b"\xff\xe0\0\0" * 90_000,
    ],
    "discovery": [b"<a>" * 20_000, b'<!DOCTYPE a [<!ENTITY a "b">]><a>&a;</a>'],
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_input_costs_a_bounded_time(name: str) -> None:
    for data in HOSTILE[name]:
        CHECKS[name](data)


async def test_the_canned_conversation_is_good() -> None:
    session = await open_canned([CONVERSATION])
    assert session is not None and session.pending == CONVERSATION[-16:]
