"""AAC as cameras send it (RFC 3640, mode AAC-hbr) and as MP4 describes it (ISO/IEC 14496-3 §1.6)."""

from __future__ import annotations

from typing import NamedTuple

from khue.model.errors import MediaError
from khue.model.media import Track
from khue.video.bits import BitReader
from khue.video.fmp4 import AudioFormat

MAX_UNITS = 64  # in one packet
MAX_FRAME = 1 << 13  # bytes, the limit of AU-size in AAC-hbr
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AAC_LC = 2


class AudioUnit(NamedTuple):
    """A piece of audio as it came: one AAC frame, or the G.711 samples of one packet. ``timestamp`` is RTP's 32 bits."""

    data: bytes
    timestamp: int


def parse_config(config: bytes) -> AudioFormat:
    """Read an AudioSpecificConfig. Raises MediaError when it is none that MP4 players know."""
    if not 2 <= len(config) <= 64:
        raise MediaError(f"an AudioSpecificConfig of {len(config)} bytes")
    bits = BitReader(config)
    object_type = bits.take(5)
    if object_type == 31:
        object_type = 32 + bits.take(6)
    rate = _sampling_frequency(bits)
    channels = bits.take(4)
    if object_type in (5, 29):  # SBR, PS: the extension's rate, then the type of the core
        _sampling_frequency(bits)
        bits.take(5)
    short = bits.flag()  # frameLengthFlag
    if not 7350 <= rate <= 96000 or not 1 <= channels <= 7:
        raise MediaError(f"AAC with {rate} Hz and channel configuration {channels}")
    return AudioFormat(config, rate, 8 if channels == 7 else channels, object_type, 960 if short else 1024)


def _sampling_frequency(bits: BitReader) -> int:
    index = bits.take(4)
    if index == 15:
        return bits.take(24)
    return _RATES[index] if index < len(_RATES) else 0


def silent_frame(audio: AudioFormat) -> bytes:
    """A frame of silence in AAC-LC, mono or stereo; empty for other kinds."""
    if audio.object_type != _AAC_LC:
        return b""
    return {1: bytes.fromhex("00c800802380"), 2: bytes.fromhex("210049900219002380")}.get(audio.channels, b"")


class AacDepacketizer:
    """Packets to AAC frames: several in one packet, or one over several. Nothing is raised on bad payloads."""

    def __init__(self, track: Track, frame_ticks: int) -> None:
        self._size_bits = track.aac_size_length
        self._first_bits = track.aac_size_length + max(0, track.aac_index_length)
        self._next_bits = track.aac_size_length + max(0, track.aac_index_delta_length)
        self._ticks = frame_ticks
        self._part = b""
        self._wanted = 0
        self._timestamp = -1

    def push(self, payload: bytes, marker: bool, timestamp: int, lost: bool = False) -> list[AudioUnit]:
        """Take the payload of one packet; give the frames it completes."""
        if lost or timestamp != self._timestamp:
            self._part = b""
        sizes = self._sizes(payload)
        if not sizes:
            return []
        position = 2 + (int.from_bytes(payload[:2], "big") + 7) // 8
        if len(sizes) == 1 and (self._part or sizes[0] > len(payload) - position):
            return self._fragment(payload[position:], sizes[0], timestamp)
        self._part = b""
        units = []
        for index, size in enumerate(sizes):
            if size == 0 or position + size > len(payload):
                break
            units.append(AudioUnit(payload[position : position + size], timestamp + index * self._ticks & 0xFFFFFFFF))
            position += size
        return units

    def _sizes(self, payload: bytes) -> list[int]:
        """The AU-sizes in the AU header section (RFC 3640 §3.2.1)."""
        if len(payload) < 3 or self._size_bits < 1:
            return []
        bits = int.from_bytes(payload[:2], "big")
        if bits > MAX_UNITS * self._next_bits:
            return []
        section = payload[2 : 2 + (bits + 7) // 8]
        if 8 * len(section) < bits:
            return []
        value = int.from_bytes(section, "big") >> 8 * len(section) - bits
        sizes = []
        width = self._first_bits
        while bits >= width:
            bits -= width
            sizes.append((value >> bits + width - self._size_bits) & ((1 << self._size_bits) - 1))
            width = self._next_bits
        return sizes

    def _fragment(self, piece: bytes, size: int, timestamp: int) -> list[AudioUnit]:
        """A frame over several packets: each repeats its whole size (RFC 3640 §3.3.6)."""
        self._timestamp = timestamp
        self._part += piece
        if len(self._part) < size <= MAX_FRAME:
            return []
        frame, self._part = self._part, b""
        return [AudioUnit(frame, timestamp)] if len(frame) == size else []

    def flush(self) -> list[AudioUnit]:
        self._part = b""
        return []
