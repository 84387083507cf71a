"""Media tracks as SDP (RFC 8866) describes them and as every other part of the product uses them."""

from __future__ import annotations

import enum

import msgspec


class Codec(enum.StrEnum):
    H264 = "h264"  # RFC 6184
    H265 = "h265"  # RFC 7798
    AAC = "aac"  # RFC 3640, mode AAC-hbr
    PCMA = "pcma"  # G.711 A-law, RFC 3551
    PCMU = "pcmu"  # G.711 mu-law, RFC 3551
    ONVIF = "onvif"  # application/vnd.onvif.metadata
    OTHER = "other"  # kept in the log, not muxed

    @property
    def is_video(self) -> bool:
        return self in (Codec.H264, Codec.H265)

    @property
    def is_audio(self) -> bool:
        return self in (Codec.AAC, Codec.PCMA, Codec.PCMU)


class Track(msgspec.Struct, frozen=True, omit_defaults=True):
    """One media section that was set up.

    ``channel`` is the interleaved RTP channel (RTCP is ``channel + 1``, RFC 2326 §10.12); tracks pulled over UDP are
    logged with the same framing, so channel numbers are assigned for them too. ``parameter_sets`` are raw NAL units
    without start codes, in the order VPS, SPS, PPS, from the SDP; empty when the camera sends them only in-band.
    ``config`` is the AAC AudioSpecificConfig (ISO/IEC 14496-3).
    """

    channel: int
    codec: Codec
    payload_type: int
    clock_rate: int
    audio_channels: int = 0
    parameter_sets: tuple[bytes, ...] = ()
    config: bytes = b""
    aac_size_length: int = 13
    aac_index_length: int = 3
    aac_index_delta_length: int = 3
