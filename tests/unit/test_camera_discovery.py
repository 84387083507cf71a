"""WS-Discovery: the question, the answers, and what is no answer."""

from __future__ import annotations

import asyncio
import socket

import pytest

from khue.camera.discovery import MAX_ANSWER, Found, build_probe, discover, parse_answer
from khue.model.errors import CameraProtocolError

ANSWER = b"""<?xml version="1.0" encoding="utf-8"?><!-- a comment -->
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Body><d:ProbeMatches><d:ProbeMatch>
<a:EndpointReference><a:Address>urn:uuid:1</a:Address></a:EndpointReference>
<d:Scopes>onvif://www.onvif.org/name/Cam%20One onvif://www.onvif.org/hardware/DS-2CD onvif://www.onvif.org/location/gate</d:Scopes>
<d:XAddrs>http://10.0.0.5/onvif/device_service http://[fe80::1]/x http://169.254.1.1/x ftp://h/x http://[bad</d:XAddrs>
</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"""
EXPECTED = Found("urn:uuid:1", ("http://10.0.0.5/onvif/device_service",), "Cam One", "DS-2CD", "gate")


def test_an_answer() -> None:
    assert parse_answer(ANSWER) == (EXPECTED,)
    assert parse_answer(b"<x/>") == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<a>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        b"<x>" * (MAX_ANSWER // 3 + 1),
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(CameraProtocolError):
        parse_answer(data)


async def test_one_host_is_asked_and_nonsense_from_it_does_no_harm() -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.setblocking(False)
        camera.bind(("127.0.0.1", 0))

        async def answer() -> bytes:
            question, sender = await loop.sock_recvfrom(camera, 4096)
            for data in (b"nonsense", ANSWER, ANSWER):
                await loop.sock_sendto(camera, data, sender)
            return question

        task = asyncio.create_task(answer())
        found = await discover(timeout_s=0.5, to=camera.getsockname())
        question = await task
    assert [(one.endpoint, one.address) for one in found] == [("urn:uuid:1", "127.0.0.1")]
    assert b"NetworkVideoTransmitter" in question and b"urn:uuid:" in build_probe("x")
