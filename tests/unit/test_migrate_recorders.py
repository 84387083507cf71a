"""What recorders of several firmwares answer, as their parsers read it."""

from __future__ import annotations

import pytest

from khue.camera.migrate import dahua, hikvision
from khue.camera.migrate.brands import by_words, family_of
from khue.camera.migrate.found import Found, MigrationError, made, row, stream, text_of, words
from khue.camera.migrate.onvif_recorder import Channel, Recording, channels, recording_of
from khue.camera.onvif import Profile
from khue.model.errors import CameraProtocolError

# The shapes of several firmwares: a prefix on every element, no namespace, nested namespaces, an empty slot, IPv6.
PROXIES = {
    "namespace on each entry": (
        '<?xml version="1.0" encoding="UTF-8" ?>\n'
        '<InputProxyChannelList version="1.0" xmlns="http://www.hikvision.com/ver10/XMLSchema" size="2">\n'
        '<InputProxyChannel version="1.0" xmlns="http://www.hikvision.com/ver10/XMLSchema">\n'
        "<id>1</id>\n<name>Sân</name>\n"
        "<sourceInputPortDescriptor>\n<proxyProtocol>HIKVISION</proxyProtocol><ipAddress>10.2.0.11</ipAddress>\n<managePortNo>8000"
        "</managePortNo></sourceInputPortDescriptor></InputProxyChannel></InputProxyChannelList>"
    ),
    "prefix": (
        '<h:InputProxyChannelList xmlns:h="http://www.std-cgi.com/ver20/XMLSchema"><h:InputProxyChannel><h:id>1</h:id><h:name>Sân'
        "</h:name><h:sourceInputPortDescriptor><h:proxyProtocol>HIKVISION</h:proxyProtocol><h:ipAddress>10.2.0.11</h:ipAddress>"
        "</h:sourceInputPortDescriptor></h:InputProxyChannel></h:InputProxyChannelList>"
    ),
    "no namespace, a comment, spaces": (
        "\ufeff<!-- NVR -->\n<InputProxyChannelList>\n <InputProxyChannel><id> 1 </id><name> Sân </name><sourceInputPortDescriptor>"
        "<proxyProtocol>HIKVISION</proxyProtocol><ipAddress>10.2.0.11</ipAddress></sourceInputPortDescriptor></InputProxyChannel>"
        "</InputProxyChannelList>"
    ),
}


@pytest.mark.parametrize("firmware", PROXIES)
def test_isapi_channels(firmware: str) -> None:
    assert hikvision.parse_channels(PROXIES[firmware].encode()) == (
        hikvision.Channel(number=1, name="Sân", host="10.2.0.11", protocol="HIKVISION"),
    )


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("<ipAddress>10.0.0.1</ipAddress>", "10.0.0.1"),
        ("<ipAddress/><ipv6Address>fe80::1</ipv6Address>", "fe80::1"),
        ("<hostName>Cam.example.net</hostName>", "cam.example.net"),
        ("<ipAddress>10.0.0.1:80/evil?</ipAddress>", ""),
        ("<ipAddress>a@b</ipAddress>", ""),
        ("", ""),
    ],
)
def test_isapi_own_address(said: str, host: str) -> None:
    body = f"<InputProxyChannelList><InputProxyChannel><id>2</id>{said}</InputProxyChannel></InputProxyChannelList>"
    assert hikvision.parse_channels(body.encode())[0].host == host


def test_isapi_other_pages() -> None:
    status = (
        "<InputProxyChannelStatusList><InputProxyChannelStatus><id>1</id><online>true</online></InputProxyChannelStatus>"
        "<InputProxyChannelStatus><id>2</id><online>false</online><chanDetectResult>notActivated</chanDetectResult>"
        "</InputProxyChannelStatus><InputProxyChannelStatus><id>3</id></InputProxyChannelStatus></InputProxyChannelStatusList>"
    )
    assert hikvision.parse_status(status.encode()) == {1: (True, ""), 2: (False, "notActivated"), 3: (None, "")}
    streams = (
        "<StreamingChannelList><StreamingChannel><id>101</id><enabled>true</enabled><Video><videoResolutionWidth>2560"
        "</videoResolutionWidth><videoResolutionHeight>1440</videoResolutionHeight></Video></StreamingChannel><StreamingChannel>"
        "<id>102</id><enabled>false</enabled></StreamingChannel></StreamingChannelList>"
    )
    assert hikvision.parse_streams(streams.encode()) == {101: hikvision.Size(2560, 1440)}
    access = (
        "<AdminAccessProtocolList><AdminAccessProtocol><protocol>HTTP</protocol><portNo>80</portNo></AdminAccessProtocol>"
        "<AdminAccessProtocol><protocol>RTSP</protocol><portNo>{}</portNo></AdminAccessProtocol></AdminAccessProtocolList>"
    )
    assert [hikvision.parse_rtsp_port(access.format(port).encode()) for port in ("10554", "99999", "x")] == [
        10554,
        554,
        554,
    ]
    named = '<?xml version="1.0" encoding="GB2312"?><DeviceInfo><deviceName>网络硬盘录像机</deviceName></DeviceInfo>'
    assert hikvision.parse_device(named.encode("gb2312")).name == "网络硬盘录像机"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><InputProxyChannelList>&b;</InputProxyChannelList>',
        b"<InputProxyChannelList>" * 5000,
        b"<InputProxyChannelList>" + b"<a/>" * 200_000 + b"</InputProxyChannelList>",
        b"<html/>",
        b"",
        b"\x00\x01",
        b"<ResponseStatus><statusCode>4</statusCode></ResponseStatus>",
        b"<InputProxyChannelList>"
        + b"".join(b"<InputProxyChannel><id>%d</id></InputProxyChannel>" % n for n in range(1, 2000))
        + b"</InputProxyChannelList>",
    ],
)
def test_isapi_refuses_what_is_none(data: bytes) -> None:
    with pytest.raises(CameraProtocolError):
        hikvision.parse_channels(data)


HEAD = "table.RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_4"


def test_dahua_remote_devices() -> None:
    answer = (
        f"{HEAD}.Address=10.3.0.15\r\n{HEAD}.DeviceType=IP Camera\r\n{HEAD}.Enable=true\r\n{HEAD}.Mac=9c:14:63:00:11:22\r\n"
        f"{HEAD}.Password=******\r\n{HEAD}.UserName=admin\r\n{HEAD}.RtspPort=0\r\n{HEAD}.SerialNo=6K01234PAG00001\r\n"
        f"{HEAD}.Vendor=Private\r\n{HEAD}.VideoInputs[0].Name=Kho = 1\r\n{HEAD}.Enable=false\r\nOK\r\n"
        "table.RemoteDevice[5].Address=192.168.0.0\r\ntable.RemoteDevice[5].Enable=false\r\ntable.RemoteDevice[5].Mac=ff:ff:ff:ff:ff:ff"
    )
    found = dahua.parse_remotes(answer.encode())
    assert found[4] == dahua.Remote(
        enabled=True, host="10.3.0.15", username="admin", name="Kho = 1", serial="6K01234PAG00001", mac="9c:14:63:00:11:22",
        maker="Private",
    )  # fmt: skip
    assert (found[5].enabled, found[5].host, found[5].mac) == (False, "", "")


def test_dahua_other_tables() -> None:
    titles = "table.ChannelTitle[0].Name=Bãi xe\r\ntable.ChannelTitle[0].SerialNo=1\r\ntable.ChannelTitle[12].Name=\r\n"
    assert dahua.parse_titles(titles.encode()) == {0: "Bãi xe", 12: ""}
    encode = (
        "table.Encode[0].MainFormat[0].Video.resolution=2688x1520\ntable.Encode[0].ExtraFormat[0].VideoEnable=false\n"
        "table.Encode[1].MainFormat[0].Video.Width=1920\ntable.Encode[1].MainFormat[0].Video.Height=1080\n"
    )
    assert dahua.parse_encodings(encode.encode()) == {
        0: dahua.Encoding(2688, 1520, False),
        1: dahua.Encoding(1920, 1080),
    }
    states = "states[0].channel=0\nstates[0].connectionState=Connected\nstates[1].channel=3\nstates[1].connectionState=Unconnect"
    assert dahua.parse_states(states.encode()) == {0: True, 3: False}
    assert dahua.parse_states(b'{"states":[{"channel":2,"connectionState":"Unconnect"},{"channel":3}]}') == {2: False}
    with pytest.raises(CameraProtocolError):
        dahua.parse_states(b'{"states":[{"channel":"x"}]}')
    with pytest.raises(CameraProtocolError):
        dahua.parse_titles(b"Error\r\nBad Request!\r\n")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Cầu Giấy".encode(), "Cầu Giấy"),
        ("前门 01".encode("gb2312"), "前门 01"),
        (b"Ng\xb7 t\xad S\xeb", "Ng· t\u00ad Së"),
        (b"\xef\xbb\xbfabc", "abc"),
        ("é".encode("utf-16"), "é"),
        ("前门\n".encode("gb2312") + "Hồ Tây".encode(), "前门\nHồ Tây"),
    ],
)
def test_text_of_devices(data: bytes, text: str) -> None:
    assert text_of(data) == text


def test_words_are_fit_for_a_cell() -> None:
    assert words("  =cmd|'/c calc'!A1\n\x00 b ") == "cmd|'/c calc'!A1 b"
    assert words("Ca\u0302\u0300u") == "Cầu" and words(None) == "" and words("-@+=") == ""
    assert "secret" not in words("rtsp://u:secret@h/x")
    assert len(words("x" * 5000)) == 300


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://u:p@h/x", ("rtsp://h/x", "u", "p")),
        ("RTSP://h/x", ("rtsp://h/x", "", "")),
        ("rtsp://*:*@h/x", ("rtsp://h/x", "", "")),
        ("rtsp://admin:********@h/x", ("rtsp://h/x", "admin", "")),
        ("rtsp://h/user=a&password=b&channel=1", ("rtsp://h/user={user}&password={pw}&channel=1", "a", "b")),
        ("http://h/x", ("", "", "")),
        ("rtsp://h:0/x", ("", "", "")),
        ("rtsp://h:99999/x", ("", "", "")),
        ("rtsp:///x", ("", "", "")),
        ("rtsp://h$(x)/y", ("", "", "")),
        ("rtsp://h/\r\nX: y", ("", "", "")),
        (None, ("", "", "")),
    ],
)
def test_streams(url: str | None, expected: tuple[str, str, str]) -> None:
    assert stream(url) == expected


def test_names_are_told_apart() -> None:
    given = ["Cổng", "", "Camera 01", "IPCamera 3", "Cổng", "D12", "kênh 4", "通道1", "Cam trường học"]
    cameras = made("NVR phường", [Found(where=f"channel {n}", name=name) for n, name in enumerate(given, 1)]).cameras
    assert [camera.name for camera in cameras] == [
        *("Cổng [channel 1]", "channel 2 (NVR phường)", "Camera 01 (NVR phường)", "IPCamera 3 (NVR phường)"),
        *("Cổng [channel 5]", "D12", "kênh 4 (NVR phường)", "通道1 (NVR phường)", "Cam trường học"),
    ]
    with pytest.raises(MigrationError):
        made("x", [Found(where="a")] * 5000)


def test_a_row_has_passwords_only_when_they_are_asked_for() -> None:
    camera = Found(where="channel 1", name="a", rtsp_main="rtsp://h/x", username="u", password="=1+1@/", working=False)
    assert row("NVR", camera, with_secrets=False) == {
        "name": "a", "rtsp_main": "rtsp://h/x", "declared_working": "no", "enabled": "yes", "note": "NVR: channel 1",
    }  # fmt: skip
    assert row("NVR", camera, with_secrets=True)["rtsp_main"] == "rtsp://u:%3D1%2B1%40%2F@h/x"
    assert "1+1" not in repr(camera)


@pytest.mark.parametrize(
    ("texts", "brand"),
    [
        (("", "DS-2CD1143G0-I"), "Hikvision"),
        (("HIKVISION",), "Hikvision"),
        (("KBVISION", "x"), "KBVision"),
        (("", "KX-C2012AN3"), "KBVision"),
        (("General", "DH-IPC-HFW1431S1-A"), "Dahua"),
        (("Acme", "A1"), None),
    ],
)
def test_brands(texts: tuple[str, ...], brand: str | None) -> None:
    found = by_words(*texts)
    assert (found.brand if found else None) == brand


@pytest.mark.parametrize(
    ("url", "family"),
    [
        ("rtsp://h:554/Streaming/Channels/1601", "hik"),
        ("rtsp://h/cam/realmonitor?channel=12&subtype=1&unicast=true", "dahua"),
        ("rtsp://h/user={user}&password={pw}&channel=1&stream=0.sdp?", "xm"),
        ("rtsp://h/stream1", ""),  # more than one family writes it like that
        ("rtsp://h/anything", ""),
        ("", ""),
    ],
)
def test_families_by_address(url: str, family: str) -> None:
    assert family_of(url) == family


def _profile(token: str, source: str, width: int) -> Profile:
    return Profile(token, token, width=width, height=width // 2, source=source)


def test_onvif_channels_and_their_recordings() -> None:
    profiles = [_profile("b", "s1", 640), _profile("a", "s1", 1920), _profile("c", "s2", 1920), _profile("d", "", 10)]
    found = channels(profiles)
    assert [(one.token, [profile.token for profile in one.profiles]) for one in found] == [
        ("s1", ["a", "b"]), ("s2", ["c"]), ("profile d", ["d"]),
    ]  # fmt: skip
    recordings = [
        Recording("r9", source="s1", name="other"),
        Recording("r1", name="by job"),
        Recording("r2", source="s2"),
    ]
    jobs = {"b": "r1"}
    assert [getattr(recording_of(one, recordings, jobs), "token", None) for one in found] == ["r1", "r2", None]
    assert recording_of(Channel("s1", [profiles[0]]), recordings, {}) == recordings[0]
