"""The group of pictures so far, a viewer's bounded queue, and boxes cut anywhere."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.boxes import Box, BoxReader, split_init
from khue.centre.live.group import GroupCache
from khue.centre.live.viewer import Needs, Viewer
from khue.model.errors import MediaError
from khue.wire.link import LiveMessage


def box(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


INIT = box(b"ftyp") + box(b"moov", b"m")


def _picture(seq: int, keyframe: bool = False) -> LiveMessage:
    return LiveMessage(seq=seq, keyframe=keyframe, wall=seq, data=box(b"moof", b"%d" % seq) + box(b"mdat"))


def _start(seq: int, wall: int = 0, init: bytes = INIT) -> LiveMessage:
    return LiveMessage(seq=seq, init=True, keyframe=True, mime="m", wall=wall, data=init + box(b"moof", b"g"))


@given(
    st.lists(st.tuples(st.sampled_from([b"ftyp", b"moov", b"moof", b"mdat"]), st.binary(max_size=40)), max_size=8),
    st.data(),
)
def test_boxes_come_out_as_they_went_in_however_they_are_cut(
    boxes: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    whole = b"".join(box(kind, payload) for kind, payload in boxes)
    reader, got, at = BoxReader(), [], 0
    while at < len(whole):
        size = data.draw(st.integers(1, len(whole) - at))
        got += reader.feed(whole[at : at + size])
        at += size
    assert got == [Box(kind, box(kind, payload)) for kind, payload in boxes]
    assert reader.complete


def test_a_large_box_and_what_is_none() -> None:
    large = struct.pack(">I4sQ", 1, b"mdat", 20) + b"1234"
    assert BoxReader().feed(large) == [Box(b"mdat", large)]
    with pytest.raises(MediaError):
        BoxReader().feed(b"\xff\xff\xff\xffmdat")
    with pytest.raises(MediaError):
        BoxReader().feed(b"\0\0\0\3moov")
    half = BoxReader()
    assert half.feed(INIT[:5]) == []
    assert not half.complete
    assert split_init(INIT + box(b"moof", b"rest")) == (INIT, box(b"moof", b"rest"))
    with pytest.raises(MediaError):
        split_init(box(b"moof"))


def test_a_group_is_init_and_everything_since_the_keyframe() -> None:
    cache = GroupCache()
    assert cache.begin(_start(1))
    assert cache.add(_picture(2))
    assert cache.start() == INIT + box(b"moof", b"g") + _picture(2).data
    assert cache.add(_picture(3, keyframe=True))
    assert cache.start() == INIT + _picture(3).data
    assert not cache.add(_picture(5))
    assert not cache.whole
    assert cache.add(_picture(6))
    assert not cache.whole
    cache.add(_picture(7, keyframe=True))
    assert cache.whole


def test_a_start_that_was_sent_for_another_replica_is_no_news() -> None:
    cache = GroupCache()
    cache.begin(_start(1, wall=5))
    cache.add(_picture(2))
    assert not cache.begin(_start(3, wall=2))
    assert cache.begin(_start(5, wall=2))  # something was lost before it
    assert cache.begin(_start(6, wall=9))  # it has pictures we have not
    assert cache.begin(_start(7, wall=9, init=box(b"ftyp") + box(b"moov", b"n")))


async def _take(viewer: Viewer) -> list[str | bytes]:
    viewer.end()
    taken = []
    while (message := await viewer.next()) is not None:
        taken.append(message)
    return taken


async def test_a_viewer_gets_nothing_before_it_can_decode_it() -> None:
    viewer = Viewer()
    viewer.offer(b"1", keyframe=True)
    assert viewer.needs is Needs.INIT
    viewer.begin("start", b"init")
    viewer.offer(b"2", keyframe=False)
    viewer.skip_to_keyframe()
    viewer.offer(b"3", keyframe=False)
    viewer.offer(b"4", keyframe=True)
    assert await _take(viewer) == ["start", b"init", b"2", b"4"]
    assert viewer.dropped == 2


async def test_an_overflow_drops_pictures_and_keeps_words() -> None:
    viewer = Viewer()
    viewer.begin("start", b"init")
    assert await viewer.next() == "start"
    assert await viewer.next() == b"init"
    viewer.say("state")
    for number in range(150):
        viewer.offer(b"%d" % number, keyframe=False)
    viewer.offer(b"key", keyframe=True)
    viewer.offer(b"next", keyframe=False)
    assert await _take(viewer) == ["state", b"key", b"next"]


async def test_an_overflow_by_bytes_and_before_the_init_was_taken() -> None:
    viewer = Viewer()
    viewer.begin("start", b"init")
    viewer.offer(b"x" * 5_000_000, keyframe=False)
    viewer.offer(b"x" * 5_000_000, keyframe=True)
    assert viewer.needs is Needs.INIT  # the hub begins it anew at a keyframe
    viewer.begin("start", b"init and key")
    assert await _take(viewer) == ["start", b"init and key"]
