"""The 33 types of camera that were found installed: where their streams, web pages and ONVIF services are."""

from __future__ import annotations

import functools
import importlib.resources

import msgspec

from khue.model.camera import StreamName


class CameraType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of ``data/adapter_catalogue.json``. A template is None where only the vendor's cloud knows the stream.

    ``rtsp_provenance`` is ``source`` (documents) or ``recall``; ``confidence`` is ``high``, ``medium`` or ``low``.
    """

    brand: str
    family: str
    rtsp_main: str | None
    rtsp_sub: str | None
    rtsp_port: int
    http_port: int
    onvif: str
    onvif_port: int
    vendor_api: str
    auth: str
    rtsp_provenance: str
    confidence: str
    note: str

    def url(self, host: str, stream: StreamName = StreamName.MAIN, *, channel: int = 1, port: int = 0) -> str | None:
        """The RTSP address of a stream; None when the type has no template.

        Families that want credentials in the path keep ``{user}`` and ``{pw}`` there; they are filled in on the wire.
        """
        template = self.rtsp_main if stream is StreamName.MAIN else self.rtsp_sub
        if template is None:
            return None
        authority = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"rtsp://{authority}:{port or self.rtsp_port}{template.replace('{ch}', str(channel))}"


@functools.cache
def load() -> tuple[CameraType, ...]:
    """Every type, in the catalogue's order."""
    data = importlib.resources.files("khue").joinpath("data", "adapter_catalogue.json").read_bytes()
    return tuple(msgspec.json.decode(data, type=list[CameraType]))


def by_family(family: str) -> tuple[CameraType, ...]:
    """The types that share one firmware family; empty when there is none of that name."""
    return tuple(entry for entry in load() if entry.family == family)


@functools.cache
def onvif_ports() -> tuple[int, ...]:
    """Ports where ONVIF was found, the most frequent first."""
    return _by_frequency([entry.onvif_port for entry in load()])


@functools.cache
def rtsp_ports() -> tuple[int, ...]:
    """Ports where RTSP was found, the most frequent first."""
    return _by_frequency([entry.rtsp_port for entry in load()])


@functools.cache
def web_ports() -> tuple[int, ...]:
    """Ports where a web page or ONVIF was found, the most frequent first."""
    return _by_frequency([port for entry in load() for port in {entry.http_port, entry.onvif_port}])


def find(brand: str, family: str = "") -> CameraType | None:
    """The type of a brand as the catalogue spells it, else the first of its family."""
    exact = [entry for entry in load() if entry.brand == brand and family in ("", entry.family)]
    return next(iter(exact or (by_family(family) if family else ())), None)


def _by_frequency(ports: list[int]) -> tuple[int, ...]:
    return tuple(sorted(set(ports), key=lambda port: (-ports.count(port), port)))
