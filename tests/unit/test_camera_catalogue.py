"""The 33 types and their addresses."""

from __future__ import annotations

from khue.camera.catalogue import by_family, load, onvif_ports
from khue.camera.session import parse_target
from khue.model.address import strip_credentials
from khue.model.camera import StreamName


def test_all_types_are_there_and_give_addresses() -> None:
    types = load()
    assert len(types) == 33
    for entry in types:
        for stream in StreamName:
            url = entry.url("10.0.0.1", stream)
            assert (url is None) == (entry.family == "vn-cloud")
            if url is not None:
                assert parse_target(url).port == entry.rtsp_port
                assert strip_credentials(url) == (url, "", "")


def test_templates() -> None:
    assert by_family("hik")[0].url("h", StreamName.SUB, channel=3) == "rtsp://h:554/Streaming/Channels/302"
    assert by_family("dahua")[0].url("::1", port=8554) == "rtsp://[::1]:8554/cam/realmonitor?channel=1&subtype=0"
    assert "user={user}&password={pw}" in (by_family("xm")[0].url("h") or "")
    assert by_family("nobody") == ()


def test_onvif_ports_begin_with_the_most_frequent() -> None:
    assert onvif_ports()[0] == 80 and {2020, 8000, 8899} < set(onvif_ports())
