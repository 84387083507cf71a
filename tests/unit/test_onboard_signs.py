"""What devices give away without a password: banners, open ONVIF answers, hardware addresses, the size of a JPEG."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from PIL import Image

from khue.camera import signs
from khue.camera.jpeg import jpeg_size
from khue.model.errors import CameraProtocolError

ENVELOPE = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{}</s:Body></s:Envelope>'
TDS = 'xmlns:d="http://www.onvif.org/ver10/device/wsdl" xmlns:t="http://www.onvif.org/ver10/schema"'


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("AC-CC-8E-01-02-03", "ac:cc:8e:01:02:03"),
        ("accc8e010203", "ac:cc:8e:01:02:03"),
        (" ac:cc:8e:01:02:03 ", "ac:cc:8e:01:02:03"),
        ("00:00:00:00:00:00", ""),
        ("FF-FF-FF-FF-FF-FF", ""),
        ("ac:cc:8e-01:02:03", ""),
        ("ac:cc:8e:01:02", ""),
        ("", ""),
    ],
)
def test_hardware_addresses_in_any_spelling(text: str, address: str) -> None:
    assert signs.mac(text) == address


@pytest.mark.parametrize(
    ("maker", "banners", "family"),
    [
        ("HIKVISION", [], "hik"),
        ("Dahua Technology", [], "dahua"),
        ("Hanwha Techwin", [], "hanwha"),
        ("Uniview", [], "unv"),
        ("Acme", ["App-webs/"], "hik"),
        ("", ["AXIS_ACCC8E012345"], "axis"),
        ("", ["Login to 5A03F9D1"], "dahua"),
        ("", ["IP Camera(C1234)"], "hik"),
        ("", ["nginx"], None),
        ("One camera vision", [], None),
        ("", [], None),
    ],
)
def test_types_by_name_and_banner(maker: str, banners: list[str], family: str | None) -> None:
    found = signs.identify(maker, banners)
    assert (found.family if found else None) == family


def test_open_answers() -> None:
    answer = signs.parse_http(
        b'HTTP/1.1 200 OK\r\nServer: App-webs/\r\nWWW-Authenticate: Digest realm="IP Camera(C1)", nonce="x"\r\n\r\nbody'
    )
    assert (answer.status, answer.server, answer.realms, answer.body) == (200, "App-webs/", ("IP Camera(C1)",), b"body")
    for text in (b"", b"RTSP/1.0 200 OK\r\n\r\n", b"\xff\xfe", b"HTTP/1.1 OK\r\n\r\n"):
        with pytest.raises(CameraProtocolError):
            signs.parse_http(text)
    assert signs.http_complete(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab")
    assert not signs.http_complete(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nab")
    device = signs.parse_soap(
        ENVELOPE.format(
            f"<d:GetDeviceInformationResponse {TDS}><d:Manufacturer>Axis\u200b</d:Manufacturer><d:SerialNumber> S1 "
            "</d:SerialNumber></d:GetDeviceInformationResponse>"
        ).encode()
    )
    assert signs.device_information(device) == signs.Device(manufacturer="Axis", serial="S1")
    clock = (
        f"<d:x {TDS}><t:UTCDateTime><t:Time><t:Hour>9</t:Hour><t:Minute>1</t:Minute><t:Second>60</t:Second></t:Time>"
    )
    clock += "<t:Date><t:Year>2026</t:Year><t:Month>{}</t:Month><t:Day>18</t:Day></t:Date></t:UTCDateTime></d:x>"
    told = signs.device_time(signs.parse_soap(ENVELOPE.format(clock.format(11)).encode()))
    assert told == dt.datetime(2026, 11, 18, 9, 1, 59, tzinfo=dt.UTC)
    assert signs.device_time(signs.parse_soap(ENVELOPE.format(clock.format(0)).encode())) is None


@pytest.mark.parametrize(
    "body", [b"", b"<html/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<" * 100, b"x" * 70000]
)
def test_what_is_no_soap(body: bytes) -> None:
    with pytest.raises(CameraProtocolError):
        signs.parse_soap(body)


def test_neighbours() -> None:
    table = (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "10.0.0.7         0x1         0x2         3c:ef:8c:00:00:01     *        eth0\n"
        "10.0.0.8         0x1         0x0         00:00:00:00:00:00     *        eth0\n"
        "garbage\n"
    )
    assert signs.parse_neighbours(table) == {"10.0.0.7": "3c:ef:8c:00:00:01"}


@pytest.mark.parametrize("progressive", [False, True])
def test_the_size_of_a_picture(progressive: bool) -> None:
    made = io.BytesIO()
    Image.new("RGB", (641, 363)).save(made, "JPEG", progressive=progressive, comment=b"x" * 300)
    data = made.getvalue()
    assert jpeg_size(data) == (641, 363)
    assert jpeg_size(data[:2] + b"\xff" * 5 + data[2:]) == (641, 363), "fill bytes"
    assert jpeg_size(data[:100]) is None and jpeg_size(b"") is None and jpeg_size(b"\x89PNG" + data) is None
