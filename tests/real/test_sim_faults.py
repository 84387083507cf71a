"""Every fault shows on the wire, touches no other camera, and ends on command."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest
from sim_peer import SMALL, Peer, decoded, numbers, playing, running, small_camera, until

from khue.model.errors import ConfigError, NotFound
from khue.sim.faults import FAULTS


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@asynccontextmanager
async def two(**changes):
    """A camera to break, and its neighbour of the same scene, whose pictures must not suffer."""
    cameras = [small_camera(name, label="street", **changes) for name in ("cam", "other")]
    async with running(*cameras) as city, playing(city.url("other")) as other:
        await until(lambda: other.pictures() >= 2)
        yield city, other
        seen = other.pictures()
        await until(lambda: other.pictures() > seen)
        assert not other.closed
        assert not other.noise
        got = numbers(other.track())
        sent = city.sent("other")[0]
        assert got == sent.numbers[: len(got)]
        assert sent.index == list(range(sent.index[0], sent.index[0] + len(sent.index)))
        assert not sent.damaged


async def _grows(peer, count=3):
    seen = peer.pictures()
    await until(lambda: peer.pictures() >= seen + count)


def _sequence_gaps(packets):
    return sum((b.sequence - a.sequence) & 0xFFFF != 1 for a, b in itertools.pairwise(packets))


async def test_dead_refuses_and_comes_back_at_the_same_address():
    async with two() as (city, _):
        async with playing(city.url("cam")) as peer:
            await _grows(peer)
            await city.fault("cam", "dead")
            await until(lambda: isinstance(peer.closed, ConnectionResetError))
        with pytest.raises(ConnectionRefusedError):
            await Peer(city.url("cam")).connect()
        await city.clear("cam")
        async with playing(city.url("cam")) as peer:
            await _grows(peer)


async def test_unroutable_never_answers():
    async with two() as (city, _):
        async with playing(city.url("cam")) as peer:
            await _grows(peer)
            await city.fault("cam", "unroutable")
            seen = len(peer.packets)
            port = int(city.url("cam").split(":")[2].split("/")[0])
            sock = socket.socket()
            sock.settimeout(0.7)
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(sock.connect, ("127.0.0.1", port))
            sock.close()
            assert len(peer.packets) - seen < 30
            assert not peer.closed
        await city.clear("cam")
        async with playing(city.url("cam")) as peer:
            await _grows(peer)


async def test_stalled_answers_but_sends_nothing_then_goes_on_without_a_gap():
    async with two() as (city, other), playing(city.url("cam")) as peer:
        await _grows(peer)
        await city.fault("cam", "stalled")
        await _grows(other, 2)
        seen = len(peer.packets)
        await _grows(other, 10)
        assert len(peer.packets) == seen
        assert (await peer.ask("GET_PARAMETER")).status == 200
        await city.clear("cam")
        await _grows(peer)
        assert _sequence_gaps(peer.track()) == 0
        index = city.sent("cam")[0].index
        assert max(b - a for a, b in itertools.pairwise(index)) >= 10


async def test_reset_happens_once():
    async with two() as (city, _):
        async with playing(city.url("cam")) as peer:
            await _grows(peer)
            await city.fault("cam", "reset")
            await until(lambda: isinstance(peer.closed, ConnectionResetError))
        async with playing(city.url("cam")) as peer:
            await _grows(peer)
        assert not city.troubles("cam")


async def test_flapping_resets_again_and_again():
    async with two() as (city, _):
        await city.fault("cam", "flapping", every_s=0.8)
        for _ in range(2):
            async with playing(city.url("cam")) as peer:
                await until(lambda peer=peer: isinstance(peer.closed, ConnectionResetError))
        assert len([session for session in city.sent("cam") if session.ended]) == 2


async def test_garbage_comes_between_pictures():
    async with two() as (city, _), playing(city.url("cam")) as peer:
        await _grows(peer)
        clean = peer.noise
        await city.fault("cam", "garbage", bytes=40, every=2)
        await until(lambda: peer.noise > clean + 20 or len({packet.payload_type for packet in peer.packets}) > 1)
        assert clean == 0
        assert len(city.sent("cam")[0].index) >= 3


async def test_half_packets_break_the_framing():
    async with two() as (city, _):
        async with playing(city.url("cam")) as peer:
            await _grows(peer)
            await city.fault("cam", "half-packets", every=2)
            await until(lambda: len(city.sent("cam")[0].damaged) >= 5)
        sent = city.sent("cam")[0]
        assert not set(sent.damaged) & set(sent.index)
        assert all(index % 2 == 0 for index in sent.damaged)


async def test_wrong_password_is_refused_whatever_it_is():
    async with two() as (city, _):
        await city.fault("cam", "wrong_password")
        peer = await Peer(city.url("cam")).connect()
        assert (await peer.ask_in("DESCRIBE")).status == 401
        await city.clear("cam")
        assert (await peer.ask_in("DESCRIBE")).status == 200
        await peer.close()


async def test_a_declared_password_may_be_wrong():
    camera = small_camera(told_password="12345678", trouble="wrong password")
    async with running(camera) as city:
        peer = await Peer(city.url("cam"), password="12345678").connect()
        assert (await peer.ask_in("DESCRIBE")).status == 401
        await peer.close()


@pytest.mark.parametrize("udp", [False, True])
async def test_a_slow_link_carries_no_more_than_it_may(udp):
    async with two() as (city, other), playing(city.url("cam"), udp=udp) as peer:
        await _grows(peer)
        await city.fault("cam", "slow-link", bytes_per_s=15_000)
        await _grows(other, 12)
        began, seen = time.monotonic(), len(peer.packets)
        await _grows(other, 30)
        carried = sum(12 + len(packet.payload) for packet in peer.packets[seen:])
        assert carried < 15_000 * (time.monotonic() - began) * 1.3 + 15_000
        sent = city.sent("cam")[0]
        if udp:
            assert sent.damaged
        else:
            assert sent.skipped
            assert _sequence_gaps(peer.track()) == 0  # left out before they were packets
            got = numbers(peer.track())
            assert got == sent.numbers[: len(got)]
        await city.clear("cam")
        await _grows(peer, 5)


@pytest.mark.parametrize("udp", [False, True])
async def test_packets_are_lost(udp):
    async with two() as (city, _), playing(city.url("cam"), udp=udp) as peer:
        await _grows(peer)
        await city.fault("cam", "loss", percent=30)
        await until(lambda: _sequence_gaps(peer.track()) >= 3)
        assert city.sent("cam")[0].damaged
        await city.clear("cam")
        seen = len(peer.packets)
        await _grows(peer, 5)
        assert _sequence_gaps(peer.track()[seen + 10 :]) == 0


async def test_udp_packets_overtake_each_other():
    big = msgspec.structs.replace(SMALL, kbps=2500)
    cameras = [small_camera("cam", main=big)]
    async with running(*cameras) as city, playing(city.url("cam"), udp=True) as peer:
        await _grows(peer)
        await city.fault("cam", "reorder", percent=40)
        await until(lambda: _sequence_gaps(peer.track()) >= 3)
        await city.clear("cam")
        sequences = [packet.sequence for packet in peer.track()]
        assert len(set(sequences)) == len(sequences)
        assert not city.sent("cam")[0].damaged


async def test_the_resolution_changes_in_the_stream():
    async with two() as (city, _), playing(city.url("cam")) as peer:
        await _grows(peer)
        await city.fault("cam", "resolution")
        seen = peer.pictures()
        await until(lambda: peer.pictures() >= seen + 12)
        await city.clear("cam")
        await _grows(peer, 12)
        frames = decoded(peer.track())
        sizes = list(dict.fromkeys((frame.width, frame.height) for frame in frames))
        assert sizes == [(320, 180), (208, 120)]
        assert (frames[-1].width, frames[-1].height) == (320, 180)
        got = numbers(peer.track())
        assert got == city.sent("cam")[0].numbers[: len(got)]
        assert _sequence_gaps(peer.track()) == 0


async def _look(city, fault):
    """The last picture in force of a picture fault, and the numbers read while it lasted."""
    async with playing(city.url("cam")) as peer:
        await _grows(peer)
        before = decoded(peer.track())[-1].to_ndarray(format="gray")
        await city.fault("cam", fault)
        start = len(peer.packets)
        await _grows(peer, 12)
        frames = decoded(_from_keyframe(peer.track()[start:]))[2:]
        await city.clear("cam")
        seen = len(peer.packets)
        await _grows(peer, 12)
        after = decoded(_from_keyframe(peer.track()[seen:]))[-1].to_ndarray(format="gray")
        return before, frames, after


def _from_keyframe(packets):
    at = [i for i, packet in enumerate(packets) if packet.payload[0] & 0x1F == 7]
    return packets[at[1] :] if len(at) > 1 else packets[at[0] :]


def _body(picture):
    """Without label, clock and frame number."""
    height = picture.shape[0]
    return picture[int(height * 0.25) : int(height * 0.88)].astype(float)


async def test_black():
    async with two() as (city, _):
        before, frames, after = await _look(city, "black")
        black = frames[-1].to_ndarray(format="gray")
        assert _body(black).mean() < 24 < _body(before).mean()
        assert _body(after).mean() > 60


async def test_covered():
    async with two() as (city, _):
        before, frames, _after = await _look(city, "covered")
        covered = frames[-1].to_ndarray(format="gray")
        assert 24 < _body(covered).mean() < 80
        assert _body(covered).std() < _body(before).std() / 2


async def test_moved():
    async with two() as (city, _):
        before, frames, after = await _look(city, "moved")
        moved = frames[-1].to_ndarray(format="gray")
        assert np.abs(_body(moved) - _body(before)).mean() > 2 * np.abs(_body(after) - _body(before)).mean()


async def test_frozen_repeats_one_picture():
    async with two() as (city, _), playing(city.url("cam")) as peer:
        await _grows(peer)
        await city.fault("cam", "frozen")
        await _grows(peer, 15)
        assert set(numbers(peer.track())[-5:]) == {0}
        sent = city.sent("cam")[0]
        assert sent.index == list(range(sent.index[0], sent.index[0] + len(sent.index)))


async def test_the_clock_jumps_in_sender_reports():
    camera = small_camera(main=msgspec.structs.replace(SMALL, fps=25))
    async with running(camera) as city:
        await city.fault("cam", "clock-jump", seconds=3600)
        async with playing(city.url("cam")) as peer:
            await until(lambda: peer.reports)
            assert 3500 < peer.reports[0].ntp - time.time() < 3700
        await city.clear("cam")
        async with playing(city.url("cam")) as peer:
            await until(lambda: peer.reports)
            assert abs(peer.reports[0].ntp - time.time()) < 60


async def test_rtp_timestamps_jump():
    async with two() as (city, _), playing(city.url("cam")) as peer:
        await _grows(peer)
        await city.fault("cam", "timestamp-jump", seconds=600)
        await _grows(peer, 5)
        stamps = list(dict.fromkeys(packet.timestamp for packet in peer.track()))
        steps = {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)}
        assert steps == {3600, 3600 + 600 * 90_000}
        assert _sequence_gaps(peer.track()) == 0
        assert city.sent("cam")[0].timestamp[: len(stamps) - 1] == stamps[:-1]


async def test_faults_at_the_start_and_unknown_faults():
    async with running(small_camera(faults=(("dead", {}),))) as city:
        with pytest.raises(ConnectionRefusedError):
            await Peer(city.url("cam")).connect()
        with pytest.raises(ConfigError, match="no fault 'sleepy'"):
            city.fault("cam", "sleepy")
        with pytest.raises(ConfigError, match="has no argument"):
            city.fault("cam", "loss", probability=1)
        with pytest.raises(NotFound):
            city.fault("nobody", "dead")
        with pytest.raises(NotFound):
            city.sent("cam", "sub")


async def test_a_picture_fault_cleared_before_it_was_ready_never_shows():
    async with two() as (city, _), playing(city.url("cam")) as peer:
        making = city.fault("cam", "covered")
        await city.clear("cam")
        await making
        assert not city.troubles("cam")
        seen = len(peer.packets)
        await _grows(peer, 12)
        assert decoded(_from_keyframe(peer.track()[seen:]))[-1].to_ndarray(format="gray").mean() > 60


async def test_every_fault_can_be_set_and_cleared_over_and_over():
    async with two() as (city, _):
        for name in FAULTS:
            await city.fault("cam", name)
            await city.clear("cam")
        async with playing(city.url("cam")) as peer:
            await _grows(peer, 12)
            assert numbers(peer.track())
