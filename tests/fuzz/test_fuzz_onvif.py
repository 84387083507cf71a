"""ONVIF answers, spoilt: the library and what we read of its results fail in the promised way only."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khue.camera.onvif import OnvifCamera
from khue.model.errors import CameraError

ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:d="http://www.onvif.org/ver10/device/wsdl" xmlns:m="http://www.onvif.org/ver10/media/wsdl"'
    ' xmlns:t="http://www.onvif.org/ver10/schema" xmlns:p="http://www.onvif.org/ver20/ptz/wsdl">'
    "<s:Body>{}</s:Body></s:Envelope>"
)
ANSWERS = {
    "GetSystemDateAndTime": "<d:GetSystemDateAndTimeResponse><d:SystemDateAndTime><t:DateTimeType>NTP</t:DateTimeType>"
    "<t:DaylightSavings>false</t:DaylightSavings><t:UTCDateTime><t:Time><t:Hour>9</t:Hour><t:Minute>1</t:Minute>"
    "<t:Second>60</t:Second></t:Time><t:Date><t:Year>2026</t:Year><t:Month>11</t:Month><t:Day>18</t:Day></t:Date>"
    "</t:UTCDateTime></d:SystemDateAndTime></d:GetSystemDateAndTimeResponse>",
    "GetDeviceInformation": "<d:GetDeviceInformationResponse><d:Manufacturer>M</d:Manufacturer><d:Model>X</d:Model>"
    "<d:FirmwareVersion>1</d:FirmwareVersion><d:SerialNumber>2</d:SerialNumber><d:HardwareId>3</d:HardwareId>"
    "</d:GetDeviceInformationResponse>",
    "GetServices": "<d:GetServicesResponse><d:Service><d:Namespace>http://www.onvif.org/ver10/media/wsdl</d:Namespace>"
    "<d:XAddr>http://10.0.0.1/onvif/media</d:XAddr><d:Version><t:Major>2</t:Major><t:Minor>5</t:Minor></d:Version>"
    "</d:Service></d:GetServicesResponse>",
    "GetNetworkInterfaces": '<d:GetNetworkInterfacesResponse><d:NetworkInterfaces token="e"><t:Enabled>true</t:Enabled>'
    "<t:Info><t:Name>eth0</t:Name><t:HwAddress>02:00:00:00:00:03</t:HwAddress><t:MTU>1500</t:MTU></t:Info>"
    "</d:NetworkInterfaces></d:GetNetworkInterfacesResponse>",
    "GetUsers": "<d:GetUsersResponse><d:User><t:Username>admin</t:Username><t:UserLevel>Administrator</t:UserLevel></d:User>"
    "</d:GetUsersResponse>",
    "SetUser": "<d:SetUserResponse/>",
    "GetProfiles": '<m:GetProfilesResponse><m:Profiles token="p1" fixed="true"><t:Name>main</t:Name>'
    '<t:VideoEncoderConfiguration token="v"><t:Name>v</t:Name><t:UseCount>1</t:UseCount><t:Encoding>H264</t:Encoding>'
    "<t:Resolution><t:Width>1920</t:Width><t:Height>1080</t:Height></t:Resolution><t:Quality>4</t:Quality>"
    "<t:RateControl><t:FrameRateLimit>25</t:FrameRateLimit><t:EncodingInterval>1</t:EncodingInterval>"
    "<t:BitrateLimit>4096</t:BitrateLimit></t:RateControl><t:SessionTimeout>PT60S</t:SessionTimeout>"
    "</t:VideoEncoderConfiguration></m:Profiles></m:GetProfilesResponse>",
    "GetStreamUri": "<m:GetStreamUriResponse><m:MediaUri><t:Uri>rtsp://10.0.0.1/live?a=1&amp;b=2</t:Uri>"
    "<t:InvalidAfterConnect>false</t:InvalidAfterConnect><t:InvalidAfterReboot>false</t:InvalidAfterReboot>"
    "<t:Timeout>PT0S</t:Timeout></m:MediaUri></m:GetStreamUriResponse>",
}
Spoil = dict[str, list[tuple[int, int, str]]]


def answer(operation: str, spoil: Spoil) -> bytes:
    text = ENVELOPE.format(ANSWERS[operation])
    for start, length, put in spoil.get(operation, []):
        start %= len(text)
        text = text[:start] + put + text[start + length :]
    return text.encode("utf-8", "surrogatepass")


async def ask(spoil: Spoil) -> None:
    """Every call of a probe against a camera that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length.group(1)))
                operation = next(name for name in ANSWERS if f":{name}".encode() in body)
                data = answer(operation, spoil)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        except (asyncio.IncompleteReadError, ConnectionError, StopIteration):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        async with OnvifCamera("127.0.0.1", port, "admin", "s3cret", timeout_s=5) as camera:
            await camera.identity()
            assert len(await camera.mac()) in (0, 17)
            for user in await camera.users():
                await camera.set_password(user, "n3w-s3cret")
            for profile in await camera.profiles():
                url = await camera.stream_url(profile.token)
                assert url.split("/")[2].startswith("127.0.0.1")
    finally:
        server.close()


async def test_the_answers_are_good() -> None:
    await ask({})


changes = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 60), st.text(max_size=12)), min_size=1, max_size=3)


@pytest.mark.timeout(120)
@settings(max_examples=80, deadline=None, database=None)
@given(st.dictionaries(st.sampled_from(sorted(ANSWERS)), changes, min_size=1, max_size=2))
def test_spoilt_answers(spoil: Spoil) -> None:
    try:
        asyncio.run(ask(spoil))
    except CameraError as error:
        assert "s3cret" not in str(error) and "n3w" not in str(error) and "127.0.0.1" in str(error)
