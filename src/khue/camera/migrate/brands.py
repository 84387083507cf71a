"""Which of the 33 types a device is, by what it says of itself or by the shape of its stream's address. Pure."""

from __future__ import annotations

import functools
import re

from khue.camera.catalogue import CameraType, find, load
from khue.model.camera import StreamName

# How makers sign, in lower case: manufacturer fields and the beginnings of model names.
_SIGNS: tuple[tuple[str, str], ...] = (
    ("hilook", "HiLook"),
    ("hikvision", "Hikvision"),
    ("hik", "Hikvision"),
    ("ds-2c", "Hikvision"),
    ("ds-2d", "Hikvision"),
    ("ids-2", "Hikvision"),
    ("ezviz", "EZVIZ"),
    ("hdparagon", "HDParagon"),
    ("hds-", "HDParagon"),
    ("kbvision", "KBVision"),
    ("kx-", "KBVision"),
    ("imou", "Imou"),
    ("kbone", "Kbone"),
    ("dahua", "Dahua"),
    ("dh-", "Dahua"),
    ("dhi-", "Dahua"),
    ("ipc-hfw", "Dahua"),
    ("ipc-hdw", "Dahua"),
    ("ipc-hdbw", "Dahua"),
    ("uniview", "Uniview (UNV)"),
    ("unv", "Uniview (UNV)"),
    ("tiandy", "Tiandy"),
    ("axis", "Axis"),
    ("hanwha", "Hanwha Vision / Wisenet / Samsung"),
    ("wisenet", "Hanwha Vision / Wisenet / Samsung"),
    ("samsung", "Hanwha Vision / Wisenet / Samsung"),
    ("bosch", "Bosch"),
    ("i-pro", "i-PRO / Panasonic"),
    ("panasonic", "i-PRO / Panasonic"),
    ("vivotek", "VIVOTEK"),
    ("avigilon", "Avigilon"),
    ("pelco", "Pelco"),
    ("sony", "Sony"),
    ("honeywell", "Honeywell"),
    ("milesight", "Milesight"),
    ("huawei", "Huawei / HoloSens"),
    ("holosens", "Huawei / HoloSens"),
    ("infinova", "Infinova"),
    ("tp-link", "TP-Link Tapo / VIGI"),
    ("tapo", "TP-Link Tapo / VIGI"),
    ("vigi", "TP-Link Tapo / VIGI"),
    ("reolink", "Reolink"),
    ("foscam", "Foscam"),
    ("d-link", "D-Link"),
    ("geovision", "GeoVision"),
    ("xiongmai", "Xiongmai (XM) / Jufeng OEM"),
    ("yoosee", "Yoosee / Gwell"),
    ("viettel", "Viettel (VHome etc.)"),
    ("vnpt", "VNPT Technology ONE"),
    ("fpt", "FPT Camera / HANET"),
    ("hanet", "FPT Camera / HANET"),
    ("bkav", "Bkav AIView"),
)


def by_words(*texts: str) -> CameraType | None:
    """The type that a manufacturer or a model name signs as; the first text that says anything decides."""
    for text in texts:
        lower = text.strip().lower()
        for sign, brand in _SIGNS:
            if lower.startswith(sign):
                return find(brand)
    return None


def family_of(url: str) -> str:
    """The family whose addresses look like this, if it is the only one; the brand cannot be told."""
    path = "/" + url.partition("://")[2].partition("/")[2]
    families = {family for family, shape in _shapes() if shape.fullmatch(path)}
    return families.pop() if len(families) == 1 else ""


def recorder_url(entry: CameraType, host: str, port: int, channel: int, stream: StreamName) -> str:
    """A recorder's address of one of its channels, as its family writes it; empty when it has no template."""
    return entry.url(host, stream, channel=channel, port=port) or ""


@functools.cache
def _shapes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    made = []
    for entry in load():
        for template in (entry.rtsp_main, entry.rtsp_sub):
            if template is not None:
                shape = re.escape(template)
                for place, pattern in ((r"\{ch\}", r"\d{1,3}"), (r"\{user\}", "[^&]*"), (r"\{pw\}", "[^&]*")):
                    shape = shape.replace(place, pattern)
                made.append((entry.family, re.compile(shape + r"/?(?:[&?].*)?", re.IGNORECASE)))
    return tuple(made)
