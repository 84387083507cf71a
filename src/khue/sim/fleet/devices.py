"""What hangs there: brands in the proportions of the trade, models, serial numbers, network addresses."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

from khue.camera.catalogue import CameraType, load
from khue.model.camera import StreamName
from khue.model.registry import Kind

# Share of each brand among what was installed; the rest of the 33 types share the long tail.
_SHARES: Mapping[str, float] = {
    "Hikvision": 30, "Dahua": 21, "KBVision": 8, "EZVIZ": 5, "HDParagon": 4, "Imou": 4, "Uniview (UNV)": 4, "HiLook": 3,
    "Viettel (VHome etc.)": 3, "VNPT Technology ONE": 2.2, "FPT Camera / HANET": 2, "TP-Link Tapo / VIGI": 2, "Tiandy": 1.8,
    "Hanwha Vision / Wisenet / Samsung": 1.3, "Xiongmai (XM) / Jufeng OEM": 1.2, "Yoosee / Gwell": 1.1, "Axis": 1, "Kbone": 0.9,
}  # fmt: skip
_TAIL = 0.25
_MODELS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # family or brand -> (fixed, PTZ)
    "hik": (("DS-2CD2T47G2-L", "DS-2CD2043G2-I", "DS-2CD1027G0-L", "DS-2CD2T26G2-4I"), ("DS-2DE4425IWG-E", "DS-2DE7A432IW-AEB")),
    "dahua": (("DH-IPC-HFW2441S-S", "DH-IPC-HFW1230S", "DH-IPC-HFW5449T1-ZE"), ("DH-SD49425GB-HNR", "DH-SD6CE245GB-HNR")),
    "KBVision": (("KX-C4012SN3", "KX-CAi4204MN-AB", "KX-A2011N3"), ("KX-CAi2308PN", "KX-E2008PN")),
    "HDParagon": (("HDS-2123IRP", "HDS-2026G2-IU/SL"), ("HDS-PT7225IR-A",)),
    "EZVIZ": (("CS-H3c", "CS-H8", "CS-C3TN"), ("CS-H8 Pro",)),
    "Imou": (("IPC-F42FP", "IPC-F22FEP"), ("IPC-S42FP", "IPC-GS7EP")),
    "unv": (("IPC2124LB-SF40KM-G", "IPC2312EBR5-DUPZ28-C"), ("IPC6424SR-X25-VF",)),
    "tiandy": (("TC-C32WP", "TC-C34XN"), ("TC-H324S",)),
    "axis": (("P1465-LE", "M2036-LE"), ("Q6135-LE", "P5655-E")),
    "hanwha": (("XNO-6120R", "QNO-8080R"), ("XNP-6320H", "QNP-6320R")),
    "bosch": (("NBE-4502-AL",), ("NDP-7512-Z30",)),
    "ipro": (("WV-S1536L",), ("WV-S6532LN",)),
    "vivotek": (("IB9387-HT",), ("SD9384-EHL",)),
    "tplink": (("VIGI C340", "Tapo C320WS"), ("Tapo C520WS", "VIGI C540")),
    "milesight": (("MS-C2964-RFLPC",), ("MS-C2941-X30RPC",)),
    "reolink": (("RLC-810A",), ("RLC-823A",)),
    "huawei": (("C2140-I", "M2141-EL"), ("C6650-10-Z33",)),
}  # fmt: skip
_PREFIXES: Mapping[str, tuple[str, ...]] = {  # first half of the MAC, as registered by the makers
    "hik": ("44:19:b6", "c0:56:e3", "bc:ad:28"), "dahua": ("3c:ef:8c", "90:02:a9", "a0:bd:1d"), "axis": ("00:40:8c", "ac:cc:8e"),
    "hanwha": ("00:09:18",), "unv": ("48:ea:63",), "bosch": ("00:07:5f",), "ipro": ("00:80:45",), "vivotek": ("00:02:d1",),
}  # fmt: skip
_LAST_24_BITS = 0xFFFFFF


class Device(NamedTuple):
    vendor: str
    family: str
    model: str
    megapixels: float
    serial: str
    mac: str
    host: str
    rtsp_main: str
    rtsp_sub: str


class Devices:
    """Hands out devices; no serial number, MAC or address is given twice."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._types = load()
        self._weights = [_SHARES.get(one.brand, _TAIL) for one in self._types]
        self._made = 0
        self._start = chance.randrange(1 << 20)

    def device(self, kind: Kind, year: int) -> Device:
        """One that could be bought in ``year``."""
        chance = self._chance
        made = chance.choices(self._types, self._weights)[0]
        number = self._made
        self._made += 1
        scattered = (self._start + number * 7919) & _LAST_24_BITS  # 7919 is odd: all different
        fixed, ptz = _MODELS.get(made.brand) or _MODELS.get(made.family) or _invented(made)
        host = f"10.{20 + number // 62_000}.{number // 248 % 250}.{number % 248 + 2}"
        prefix = chance.choice(_PREFIXES.get(made.family, ("00:12:31", "e0:50:8b", "9c:a3:a9")))
        return Device(
            vendor=made.brand,
            family=made.family,
            model=chance.choice(ptz if kind is Kind.PTZ else fixed),
            megapixels=chance.choice((2.0, 2.0, 2.0, 4.0, 4.0, 5.0, 8.0)),
            serial=_serial(made, scattered, year, chance),
            mac=f"{prefix}:{scattered >> 16:02x}:{scattered >> 8 & 255:02x}:{scattered & 255:02x}",
            host=host,
            rtsp_main=_address(made, host, StreamName.MAIN),
            rtsp_sub=_address(made, host, StreamName.SUB),
        )


def _address(made: CameraType, host: str, stream: StreamName) -> str:
    """Empty where the vendor's cloud alone has the stream, and where the address would carry a password."""
    url = made.url(host, stream) or ""
    return "" if "{" in url else url


def _invented(made: CameraType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    stem = "".join(letter for letter in made.brand.upper() if letter.isalpha())[:3]
    return (f"{stem}-B{len(made.brand)}20", f"{stem}-D{len(made.family)}40"), (f"{stem}-P{len(made.brand)}30",)


def _serial(made: CameraType, number: int, year: int, chance: random.Random) -> str:
    """Starts with a letter, so that no spreadsheet takes it for a number."""
    if made.family == "hik":
        return f"DS{year - 1}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}AAWR{number:09d}"
    if made.family == "dahua":
        return f"{chance.choice('ABCDEFGH')}{number:07X}PAG{chance.randrange(16**4):04X}"
    stem = "".join(letter for letter in made.brand.upper() if letter.isalpha())[:2]
    return f"{stem}{chance.randrange(100):02d}{number:08d}"
