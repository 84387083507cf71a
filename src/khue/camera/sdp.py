"""Session descriptions (RFC 8866) as cameras write them: bytes in, tracks and control URLs out, no I/O.

Nothing here raises on bad content: what cannot be read is left out, because a camera whose SDP is half wrong still
sends good pictures. RFC 6184 (H.264), RFC 7798 (H.265), RFC 3640 (AAC), RFC 3551 (static payload types).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from khue.model.media import Codec, Track

MAX_SECTIONS = 16
MAX_LINES = 1000
_MAX_PARAMETER_SET = 4096

_CODECS = {
    "H264": Codec.H264,
    "H265": Codec.H265,
    "HEVC": Codec.H265,
    "MPEG4-GENERIC": Codec.AAC,
    "PCMA": Codec.PCMA,
    "PCMU": Codec.PCMU,
    "VND.ONVIF.METADATA": Codec.ONVIF,
}
_STATIC = {0: (Codec.PCMU, 8000, 1), 8: (Codec.PCMA, 8000, 1), 26: (Codec.OTHER, 90000, 0)}
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


class Section(msgspec.Struct, frozen=True):
    """One ``m=`` section. ``control`` is absolute; ``sends`` is False for a back channel that we would have to fill."""

    kind: str  # video, audio, application
    track: Track
    control: str
    sends: bool = True


class Description(msgspec.Struct, frozen=True):
    """``control`` is the URL for PLAY and TEARDOWN of all sections together (RFC 2326 §C.1.1)."""

    sections: tuple[Section, ...]
    control: str


class _Lines(msgspec.Struct):
    """The lines of one section, by type."""

    media: str = ""
    attributes: list[tuple[str, str]] = msgspec.field(default_factory=list)

    def first(self, name: str) -> str:
        return next((value for key, value in self.attributes if key == name), "")

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.attributes)


def parse_sdp(data: bytes, base: str) -> Description:
    """The media sections of a description whose relative control URLs count from ``base``.

    ``base`` is the Content-Base or Content-Location of the DESCRIBE reply, else the URL that was asked.
    Channels are numbered 0, 2, 4, ... in order; SETUP replaces them with what the camera answers.
    """
    session, media = _split(data.decode("utf-8", "replace"))
    sections: list[Section] = []
    for lines in media:
        if (section := _section(lines, base, channel=2 * len(sections))) is not None:
            sections.append(section)
    return Description(tuple(sections), resolve_control(base, session.first("control")))


def base_url(request_url: str, content_base: str, content_location: str) -> str:
    """Where relative control URLs count from; a base that is no RTSP URL is of no use and ignored."""
    for candidate in (content_base, content_location):
        if _scheme(candidate) in ("rtsp", "rtsps") and " " not in candidate:
            return candidate
    return request_url


def resolve_control(base: str, control: str) -> str:
    """The absolute URL of a control attribute.

    Cameras expect a relative one appended to the base behind a slash, even behind a query
    (``.../realmonitor?channel=1&subtype=0/trackID=0``), not merged as RFC 3986 would.
    """
    control = control.strip().replace(" ", "%20")
    if control in ("", "*"):
        return base
    if _scheme(control) in ("rtsp", "rtsps"):
        return control
    return base.rstrip("/") + "/" + control.lstrip("/")


def _scheme(url: str) -> str:
    """The scheme in lower case; empty when ``url`` is no absolute URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.scheme if parts.netloc else ""


def _split(text: str) -> tuple[_Lines, list[_Lines]]:
    session = current = _Lines()
    media: list[_Lines] = []
    for raw in text.replace("\r", "\n").split("\n", MAX_LINES)[:MAX_LINES]:
        line = raw.strip()
        kind, equals, value = line.partition("=")
        if not equals:
            continue
        if kind == "m":
            if len(media) == MAX_SECTIONS:
                break
            current = _Lines(media=value)
            media.append(current)
        elif kind == "a":
            name, _, rest = value.partition(":")
            current.attributes.append((name.strip().lower(), rest.strip()))
    return session, media


def _section(lines: _Lines, base: str, channel: int) -> Section | None:
    """m=<kind> <port> <protocol> <payload type> ... (RFC 8866 §5.14)."""
    words = lines.media.split()
    if len(words) < 4:
        return None
    kind = words[0].lower()
    offered = [number for word in words[3:] if (number := _number(word, 127)) is not None]
    if not offered:
        return None
    track = _track(lines, kind, offered, channel)
    # On audio ``sendonly`` is the back channel to the camera's loudspeaker (ONVIF Streaming §5.3.1).
    sends = not (kind == "audio" and lines.has("sendonly")) and not lines.has("inactive")
    return Section(kind, track, resolve_control(base, lines.first("control")), sends)


def _track(lines: _Lines, kind: str, offered: Sequence[int], channel: int) -> Track:
    best: Track | None = None
    for payload_type in offered:
        codec, clock_rate, channels = _mapping(lines, kind, payload_type)
        track = _with_format(lines, Track(channel, codec, payload_type, clock_rate, channels), len(offered) == 1)
        if codec is not Codec.OTHER:
            return track
        best = best or track
    assert best is not None  # offered is never empty
    return best


def _mapping(lines: _Lines, kind: str, payload_type: int) -> tuple[Codec, int, int]:
    """(codec, clock rate, audio channels) from rtpmap, else from the static types, else guessed from fmtp."""
    for key, value in lines.attributes:
        number, _, encoding = value.partition(" ")
        if key == "rtpmap" and _number(number, 127) == payload_type:
            name, *rest = encoding.strip().split("/")
            codec = _CODECS.get(name.strip().upper(), Codec.OTHER)
            rate = _number(rest[0], 1_000_000) if rest else None
            count = _number(rest[1], 16) if len(rest) > 1 else None
            default_rate = 8000 if codec in (Codec.PCMA, Codec.PCMU) else 90000
            return codec, rate or default_rate, (count or 1) if kind == "audio" else 0
    if payload_type in _STATIC:
        return _STATIC[payload_type]
    parameters = _format(lines, payload_type, alone=True)
    if kind == "video" and ("sprop-sps" in parameters or "sprop-vps" in parameters):
        return Codec.H265, 90000, 0
    if kind == "video" and ("sprop-parameter-sets" in parameters or "packetization-mode" in parameters):
        return Codec.H264, 90000, 0
    return Codec.OTHER, 8000 if kind == "audio" else 90000, 1 if kind == "audio" else 0


def _with_format(lines: _Lines, track: Track, alone: bool) -> Track:
    parameters = _format(lines, track.payload_type, alone)
    if track.codec is Codec.H264:
        sets = _parameter_sets((parameters.get("sprop-parameter-sets", ""),))
        wanted = [nal for kind in (7, 8) for nal in sets if nal[0] & 0x1F == kind]
        return msgspec.structs.replace(track, parameter_sets=tuple(wanted))
    if track.codec is Codec.H265:
        sets = _parameter_sets([parameters.get(f"sprop-{name}", "") for name in ("vps", "sps", "pps")])
        wanted = [nal for kind in (32, 33, 34) for nal in sets if nal[0] >> 1 & 0x3F == kind]
        return msgspec.structs.replace(track, parameter_sets=tuple(wanted))
    if track.codec is Codec.AAC:
        return msgspec.structs.replace(
            track,
            config=_aac_config(parameters.get("config", ""), track),
            aac_size_length=_number(parameters.get("sizelength", ""), 32) or 13,
            aac_index_length=_length(parameters.get("indexlength", ""), 3),
            aac_index_delta_length=_length(parameters.get("indexdeltalength", ""), 3),
        )
    return track


def _format(lines: _Lines, payload_type: int, alone: bool) -> dict[str, str]:
    """fmtp parameters of a payload type. Some cameras number fmtp wrongly: with one type all lines are meant."""
    exact: dict[str, str] = {}
    every: dict[str, str] = {}
    for key, value in lines.attributes:
        if key != "fmtp":
            continue
        number, _, text = value.partition(" ")
        target = exact if _number(number, 127) == payload_type else every
        for item in text.split(";"):
            name, _, parameter = item.strip().partition("=")
            target.setdefault(name.strip().lower(), parameter.strip().strip('"'))
    return exact or (every if alone else {})


def _parameter_sets(values: Sequence[str]) -> list[bytes]:
    """NAL units of comma-separated base64, without start codes; unreadable ones are left out."""
    sets: list[bytes] = []
    for text in ",".join(values).split(",")[:32]:
        text = text.strip().rstrip("=")
        if not text or len(text) > _MAX_PARAMETER_SET:
            continue
        try:
            nal = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        nal = nal.removeprefix(b"\0\0\0\1").removeprefix(b"\0\0\1")
        if len(nal) > 2 and nal not in sets:
            sets.append(nal)
    return sets


def _aac_config(text: str, track: Track) -> bytes:
    """AudioSpecificConfig; built for AAC-LC from rate and channels when the camera gives none that can be read."""
    try:
        config = bytes.fromhex(text)
    except ValueError:
        config = b""
    if 2 <= len(config) <= 64:
        return config
    if track.clock_rate not in _AAC_RATES:
        return b""
    bits = 2 << 11 | _AAC_RATES.index(track.clock_rate) << 7 | min(track.audio_channels, 7) << 3
    return bits.to_bytes(2, "big")


def _number(text: str, highest: int) -> int | None:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return int(text) if int(text) <= highest else None


def _length(text: str, default: int) -> int:
    number = _number(text, 32)
    return default if number is None else number
