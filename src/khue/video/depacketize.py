"""RTP payloads to pictures: H.264 (RFC 6184, packetization modes 0 and 1) and H.265 (RFC 7798, without DONL).

A picture (access unit) ends with the packet that carries the marker, or when the timestamp changes. Of its NAL units,
slices and SEI messages are kept bit by bit; delimiters and filler are left out; parameter sets go to `ParameterSets`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from khue.model.media import Codec
from khue.video import nal
from khue.video.parameter_sets import ParameterSets

MAX_PICTURE = 16 << 20  # bytes; an 8 MP keyframe is about 1 MB
MAX_PARTS = 1 << 16  # pieces of one picture, so that tiny ones cannot take more memory than they bring


class Picture(NamedTuple):
    """One access unit. ``data`` is NAL units behind four-byte lengths, ``timestamp`` the 32 bits of RTP.

    ``damaged``: something of it was lost. ``after_loss``: something was lost since the previous picture, so that what it
    refers to may be missing.
    """

    data: bytes
    timestamp: int
    keyframe: bool
    damaged: bool
    after_loss: bool


_NOTHING: tuple[Picture, ...] = ()


class VideoDepacketizer(ABC):
    """What both codecs share: collecting NAL units into pictures and knowing when one is damaged.

    Packets must come in sequence; ``lost`` says that some are missing before this one. Nothing is raised on bad payloads.
    """

    codec: ClassVar[Codec]

    def __init__(self, sets: ParameterSets) -> None:
        self.sets = sets
        self._timestamp = -1
        self._finished = -1  # timestamp of the last picture given out
        self._trust_marker = True
        self._marks = False  # this camera sets the marker at all
        self._lost = False
        self._clear()

    def _clear(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._slices = 0
        self._keyframe = False
        self._damaged = False
        self._fragment = -1  # index in _parts of the length of the NAL unit being put together
        self._fragment_from = 0  # _size when it began

    def push(self, payload: bytes, marker: bool, timestamp: int, lost: bool = False) -> tuple[Picture, ...]:
        """Take the payload of one packet; give the pictures it completes (mostly none or one, at most two)."""
        done = _NOTHING
        if lost:
            self._end_fragment(whole=False)
            self._lost = True
            self._damaged = True  # the picture under way; whether the next one is whole shows below
        if timestamp != self._timestamp:
            done = self._finish()
            self._clear()
            self._timestamp = timestamp
        self._take(payload)
        if marker and self._trust_marker:
            self._marks = True
            done += self._finish()
        return done

    def flush(self) -> tuple[Picture, ...]:
        """Give out the last picture of a camera that sets no markers; of others it is cut off."""
        done = _NOTHING if self._marks and self._trust_marker else self._finish()
        self._clear()
        return done

    def _finish(self) -> tuple[Picture, ...]:
        self._end_fragment()
        if not self._slices:
            return _NOTHING  # parameter sets alone, or SEI ahead of its picture: more of the same timestamp may follow
        picture = Picture(b"".join(self._parts), self._timestamp, self._keyframe, self._damaged, self._lost)
        self._lost = False
        self._finished = self._timestamp
        self._clear()
        return (picture,)

    @abstractmethod
    def _take(self, payload: bytes) -> None:
        """Sort out one payload."""

    @abstractmethod
    def _unit(self, unit: bytes) -> None:
        """Take one whole NAL unit."""

    def _parameter_set(self, unit: bytes) -> None:
        """Some cameras send SPS, PPS and more as one "unit" with start codes inside, which no true unit can contain."""
        if b"\x00\x00\x01" not in unit:
            self.sets.add(unit)
            return
        for part in nal.split_annex_b(unit):
            self._unit(part)

    def _aggregate(self, payload: bytes, position: int) -> None:
        """Units behind two-byte lengths: STAP-A, AP."""
        while position + 2 < len(payload):
            start = position + 2
            position = start + (payload[position] << 8 | payload[position + 1])
            if position > len(payload):
                self._damaged = True
                return
            self._unit(payload[start:position])

    @abstractmethod
    def _is_sample_data(self, header: bytes) -> bool:
        """Whether a NAL unit that begins so is kept in the picture: a slice or SEI."""

    def _begin_slice(self, first: bool, keyframe: bool) -> None:
        """A slice follows; ``first`` when its header says that it begins a picture."""
        if self._slices == 0:
            if not first:
                self._damaged = True
                if self._timestamp == self._finished:
                    self._trust_marker = False  # this camera marks every slice: from here on, timestamps tell
            self._keyframe = keyframe
        self._slices += 1

    def _append(self, unit: bytes) -> None:
        size = len(unit)
        self._parts.append(size.to_bytes(4, "big"))
        self._parts.append(unit)
        self._grow(4 + size)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_PICTURE or len(self._parts) > MAX_PARTS:
            self._parts.clear()
            self._size = 0
            self._fragment = -1
            self._damaged = True

    def _begin_fragment(self, header: bytes, piece: bytes) -> None:
        self._end_fragment()
        self._fragment = len(self._parts)
        self._fragment_from = self._size
        self._parts += (b"", header, piece)
        self._grow(4 + len(header) + len(piece))

    def _continue_fragment(self, piece: bytes) -> None:
        if self._fragment < 0:
            self._slices += 1  # a picture was there; its beginning is missing
            self._damaged = True
            return
        self._parts.append(piece)
        self._size += len(piece)
        if self._size > MAX_PICTURE or len(self._parts) > MAX_PARTS:
            self._grow(0)

    def _end_fragment(self, whole: bool = True) -> None:
        """Close the NAL unit under way. Cameras that forget the end bit are forgiven: losses show in the sequence."""
        index = self._fragment
        if index < 0:
            return
        self._fragment = -1
        parts = self._parts
        if self._is_sample_data(parts[index + 1]):
            parts[index] = (self._size - self._fragment_from - 4).to_bytes(4, "big")
            return
        unit = b"".join(parts[index + 1 :])
        del parts[index:]
        self._size = self._fragment_from
        if whole:
            self._unit(unit)


class H264Depacketizer(VideoDepacketizer):
    """RFC 6184: single NAL unit packets, STAP-A, FU-A. The interleaved mode (STAP-B, MTAP, FU-B) no camera uses; ignored."""

    codec = Codec.H264

    def _take(self, payload: bytes) -> None:
        if len(payload) < 2:
            return
        kind = payload[0] & 0x1F
        if kind == nal.H264_FU_A:
            self._take_fragment(payload)
        elif kind == nal.H264_STAP_A:
            self._aggregate(payload, 1)
        else:
            self._unit(payload)

    def _take_fragment(self, payload: bytes) -> None:
        header = payload[1]
        if header & 0x80:
            kind = header & 0x1F
            self._begin_fragment(bytes((payload[0] & 0xE0 | kind,)), payload[2:])
            if nal.H264_SLICE <= kind <= nal.H264_IDR:
                self._begin_slice(len(payload) > 2 and payload[2] >= 0x80, kind == nal.H264_IDR)
        else:
            self._continue_fragment(payload[2:])
        if header & 0x40:
            self._end_fragment()

    def _unit(self, unit: bytes) -> None:
        self._end_fragment()
        if len(unit) < 2:
            return
        kind = unit[0] & 0x1F
        if nal.H264_SLICE <= kind <= nal.H264_IDR:
            self._begin_slice(unit[1] >= 0x80, kind == nal.H264_IDR)
            self._append(unit)
        elif kind == nal.H264_SEI:
            self._append(unit)
        elif kind in (nal.H264_SPS, nal.H264_PPS):
            self._parameter_set(unit)

    def _is_sample_data(self, header: bytes) -> bool:
        return nal.H264_SLICE <= header[0] & 0x1F <= nal.H264_SEI


class H265Depacketizer(VideoDepacketizer):
    """RFC 7798: single NAL unit packets, AP, FU; base layer only. PACI packets are ignored."""

    codec = Codec.H265

    def _take(self, payload: bytes) -> None:
        if len(payload) < 3:
            return
        kind = (payload[0] >> 1) & 0x3F
        if kind == nal.H265_FU:
            self._take_fragment(payload)
        elif kind == nal.H265_AP:
            self._aggregate(payload, 2)
        else:
            self._unit(payload)

    def _take_fragment(self, payload: bytes) -> None:
        if not _is_base_layer(payload):
            return
        header = payload[2]
        if header & 0x80:
            kind = header & 0x3F
            self._begin_fragment(bytes((payload[0] & 0x81 | kind << 1, payload[1])), payload[3:])
            if kind <= nal.H265_LAST_VCL:
                self._begin_slice(len(payload) > 3 and payload[3] >= 0x80, _is_irap(kind))
        else:
            self._continue_fragment(payload[3:])
        if header & 0x40:
            self._end_fragment()

    def _unit(self, unit: bytes) -> None:
        self._end_fragment()
        if len(unit) < 3 or not _is_base_layer(unit):
            return
        kind = unit[0] >> 1 & 0x3F
        if kind <= nal.H265_LAST_VCL:
            self._begin_slice(unit[2] >= 0x80, _is_irap(kind))
            self._append(unit)
        elif kind in (nal.H265_PREFIX_SEI, nal.H265_SUFFIX_SEI):
            self._append(unit)
        elif nal.H265_VPS <= kind <= nal.H265_PPS:
            self._parameter_set(unit)

    def _is_sample_data(self, header: bytes) -> bool:
        kind = header[0] >> 1 & 0x3F
        return kind <= nal.H265_LAST_VCL or kind in (nal.H265_PREFIX_SEI, nal.H265_SUFFIX_SEI)


def _is_base_layer(header: bytes) -> bool:
    return not header[0] & 1 and header[1] < 8  # nuh_layer_id


def _is_irap(kind: int) -> bool:
    return nal.H265_FIRST_IRAP <= kind <= nal.H265_LAST_IRAP


def video_depacketizer(codec: Codec, sets: ParameterSets) -> VideoDepacketizer:
    """The depacketizer of a video codec."""
    return H264Depacketizer(sets) if codec is Codec.H264 else H265Depacketizer(sets)
