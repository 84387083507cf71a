"""How each family of the adapter catalogue shows itself on RTSP: paths, and the oddities its firmware is known for."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

import msgspec

from khue.model.errors import ConfigError

#: What may be odd about a camera's RTSP; each is answered by `khue.sim.sdp` or `khue.sim.rtsp`.
QUIRKS = {
    "no-session-control": "the SDP has no session-level a=control",
    "session-control-url": "the session-level a=control is an absolute URL instead of *",
    "absolute-control": "media a=control are absolute URLs",
    "no-media-control": "no a=control in any media section: SETUP goes to the stream's own URL (single track)",
    "no-content-base": "DESCRIBE's reply has no Content-Base",
    "metadata-track": "a third track, application/vnd.onvif.metadata",
    "odd-case": "header names in lower case, codec names in lower case",
    "lf": "SDP lines end with LF alone",
    "aggregate-sets": "parameter sets in one STAP-A (H.264) or AP (H.265)",
    "options-auth": "OPTIONS needs authentication too",
    "no-get-parameter": "GET_PARAMETER is not implemented (501): keep alive with OPTIONS",
    "no-rtp-info": "PLAY's reply has no RTP-Info",
    "no-session-timeout": "the Session header tells no time-out, though one holds",
    "rtcp-keeps-alive": "receiver reports count as signs of life",
    "vendor-attributes": "vendor lines in the SDP",
    "any-frame-first": "playing starts at any picture, not at a keyframe",
    "digest-qop": "digest with qop=auth",
}

_FAMILY_QUIRKS: dict[str, tuple[str, ...]] = {
    "hik": ("session-control-url", "absolute-control", "vendor-attributes", "metadata-track"),
    "dahua": ("vendor-attributes", "aggregate-sets", "rtcp-keeps-alive"),
    "unv": ("no-session-control",),
    "tiandy": ("lf", "no-content-base"),
    "axis": ("session-control-url", "absolute-control", "digest-qop"),
    "hanwha": ("digest-qop", "metadata-track"),
    "bosch": ("absolute-control", "metadata-track", "aggregate-sets"),
    "ipro": ("no-session-timeout",),
    "vivotek": ("no-get-parameter",),
    "tplink": ("options-auth",),
    "reolink": ("aggregate-sets", "no-rtp-info"),
    "foscam": ("odd-case", "no-get-parameter"),
    "dlink": ("no-get-parameter", "no-session-timeout"),
    "xm": ("odd-case", "no-content-base", "any-frame-first"),
    "gwell": ("lf", "odd-case", "no-rtp-info", "no-get-parameter"),
    "vn-cloud": ("no-session-control", "any-frame-first"),
}


class Family(msgspec.Struct, frozen=True):
    """What the simulator needs of one catalogue entry; a path is None where only ONVIF tells it."""

    brand: str
    family: str
    rtsp_main: str | None
    rtsp_sub: str | None

    @property
    def quirks(self) -> tuple[str, ...]:
        return _FAMILY_QUIRKS.get(self.family, ())


@cache
def catalogue() -> tuple[Family, ...]:
    """Every type of the adapter catalogue, in its order."""
    data = resources.files("khue").joinpath("data", "adapter_catalogue.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[Family, ...])


def find(family: str, brand: str = "") -> Family:
    """The entry of a brand, or the family's first. Raises ConfigError when there is none."""
    for entry in catalogue():
        if entry.family == family and brand in ("", entry.brand):
            return entry
    known = ", ".join(sorted({entry.family for entry in catalogue()}))
    raise ConfigError(f"no camera family {family!r} {brand!r} in the catalogue; choose one of: {known}")


def stream_path(entry: Family, stream: str, camera: str, username: str, password: str) -> str:
    """The path (with query) of a stream on channel 1. Families without template get one only ONVIF can tell.

    The xm family's path holds the credentials, as on the real thing.
    """
    template = entry.rtsp_main if stream == "main" else entry.rtsp_sub
    if template is None:
        return f"/live/{hashlib.sha256(f'{camera}/{stream}'.encode()).hexdigest()[:16]}"
    return template.format(ch=1, user=username, pw=password)
