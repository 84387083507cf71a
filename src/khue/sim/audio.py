"""What a camera hears: a quiet hum with speech-like bursts, as loops of G.711 or AAC packets."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Literal, NamedTuple

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

AudioKind = Literal["", "pcma", "pcmu", "aac"]
AAC_CONFIG = bytes.fromhex("1408")  # AudioSpecificConfig: AAC-LC, 16 kHz, mono (ISO/IEC 14496-3 §1.6)
_SECONDS = 8


class AudioLoop(NamedTuple):
    """``packets[i]`` hold ``samples`` samples each; the loop is seamless to the packet."""

    kind: AudioKind
    rate: int
    samples: int
    packets: tuple[bytes, ...]


def _sound(rate: int) -> NDArray[np.int16]:
    """Mono: 220 Hz hum, and noise shaped into syllables for half of the time."""
    t = np.arange(rate * _SECONDS) / rate
    noise = np.random.default_rng(7).standard_normal(t.size)
    voice = np.convolve(noise, np.ones(6) / 6, "same") * np.maximum(0, np.sin(2 * np.pi * 3.5 * t))
    talking = (t % 4 < 2).astype(np.float64)
    wave = 1200 * np.sin(2 * np.pi * 220 * t) + 5000 * voice * talking
    return np.clip(wave, -30000, 30000).astype(np.int16)


def _encode(
    codec: Literal["aac", "pcm_alaw", "pcm_mulaw"], rate: int, samples: int, sound: NDArray[np.int16]
) -> tuple[bytes, ...]:
    layout = "fltp" if codec == "aac" else "s16"
    coder: AudioCodecContext = av.CodecContext.create(codec, "w")
    coder.sample_rate, coder.layout, coder.format, coder.time_base = rate, "mono", layout, Fraction(1, rate)
    if codec == "aac":
        coder.bit_rate = 32_000
    packets = []
    for at in range(0, sound.size, samples):
        block = sound[np.newaxis, at : at + samples]
        data = (block / 32768).astype(np.float32) if codec == "aac" else np.ascontiguousarray(block)
        frame = AudioFrame.from_ndarray(data, format=layout, layout="mono")
        frame.sample_rate, frame.pts = rate, at
        packets += [bytes(packet) for packet in coder.encode(frame)]
    packets += [bytes(packet) for packet in coder.encode(None)]
    return tuple(packets[: sound.size // samples])


@cache
def audio_loop(kind: AudioKind) -> AudioLoop:
    """The loop for a kind; G.711 in 40 ms packets at 8 kHz, AAC-LC in 64 ms access units at 16 kHz."""
    if kind == "aac":
        return AudioLoop(kind, 16_000, 1024, _encode("aac", 16_000, 1024, _sound(16_000)))
    codec: Literal["pcm_alaw", "pcm_mulaw"] = "pcm_alaw" if kind == "pcma" else "pcm_mulaw"
    return AudioLoop(kind, 8_000, 320, _encode(codec, 8_000, 320, _sound(8_000)))
