"""Asking a camera what it is, from beside it: `khue.camera.probe` with the picture's size read from what it sends."""

from __future__ import annotations

from khue.camera.probe import probe
from khue.model.errors import MediaError
from khue.model.media import Codec
from khue.video.sps import parse_sps
from khue.wire.link import ProbeReply, ProbeRequest


async def probe_camera(request: ProbeRequest) -> ProbeReply:
    """What the camera is, or in ``error`` and ``remedy`` why it cannot be reached."""
    return await probe(request, sps_size=_size)


def _size(codec: Codec, unit: bytes) -> tuple[int, int] | None:
    try:
        picture = parse_sps(codec, unit)
    except MediaError:
        return None
    return picture.width, picture.height
