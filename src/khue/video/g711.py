"""G.711 (ITU-T G.711, RFC 3551 §4.5.14) to AAC, for browsers and files: no browser's MSE takes G.711."""

from __future__ import annotations

import av
import numpy as np

from khue.model.media import Codec
from khue.video.aac import AudioUnit, parse_config, silent_frame
from khue.video.fmp4 import AudioFormat

CLOCK_RATE = 8000
SAMPLE_RATE = 16000  # a frame is 64 ms then: half the delay it has at 8 kHz
_UP = SAMPLE_RATE // CLOCK_RATE
_BIT_RATE = 32000


def _a_law() -> np.ndarray:
    code = np.arange(256) ^ 0x55
    segment, step = code >> 4 & 7, (code & 15) << 4
    size = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _mu_law() -> np.ndarray:
    code = ~np.arange(256) & 0xFF
    size = (((code & 15) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


_SAMPLES = {Codec.PCMA: _a_law(), Codec.PCMU: _mu_law()}


class G711Depacketizer:
    """A packet's payload is its samples."""

    def push(self, payload: bytes, marker: bool, timestamp: int, lost: bool = False) -> list[AudioUnit]:
        """Take the payload of one packet. What was lost shows in the timestamp."""
        return [AudioUnit(payload, timestamp)] if payload else []

    def flush(self) -> list[AudioUnit]:
        return []


class G711Coder:
    """Encodes with libav's own AAC encoder, opened when the first sample comes."""

    def __init__(self, codec: Codec) -> None:
        self.format: AudioFormat = parse_config(b"\x14\x08")  # AAC-LC, 16 kHz, mono
        self._samples = _SAMPLES[codec]
        self._silence = silent_frame(self.format)
        self._encoder: av.AudioCodecContext | None = None
        self._priming = True
        self._surplus = 0  # ticks given out minus ticks taken in

    def encode(self, data: bytes) -> tuple[list[bytes], int]:
        if self._encoder is None:
            self._encoder = _open_encoder()
        samples = self._samples[np.frombuffer(data, np.uint8)]
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = CLOCK_RATE
        ticks = _UP * len(data)
        self._surplus -= ticks
        return self._encode(self._encoder, frame), ticks

    def silence(self, ticks: int) -> tuple[list[bytes], int]:
        """What the encoder holds, filled up to a whole frame, then ready-made frames: costs next to nothing."""
        frames = [] if self._encoder is None else self._encode(self._encoder, None)
        filled = self._surplus
        self.reset()
        count = max(0, ticks - filled) // self.format.frame
        return frames + [self._silence] * count, filled + count * self.format.frame

    def reset(self) -> None:
        self._encoder = None
        self._priming = True
        self._surplus = 0

    def _encode(self, encoder: av.AudioCodecContext, frame: av.AudioFrame | None) -> list[bytes]:
        frames = [bytes(packet) for packet in encoder.encode(frame)]
        if frames and self._priming:
            self._priming = False
            del frames[0]  # what the encoder puts ahead of the first sample
        self._surplus += len(frames) * self.format.frame
        return frames


def _open_encoder() -> av.AudioCodecContext:
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = SAMPLE_RATE
    encoder.layout = "mono"
    encoder.format = "fltp"
    encoder.bit_rate = _BIT_RATE
    encoder.options = {"aac_coder": "fast"}
    encoder.open()
    return encoder
