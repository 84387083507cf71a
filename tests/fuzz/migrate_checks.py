"""What must hold for any list another system may give. Used with hypothesis (test_fuzz_migrate.py) and atheris (targets/).

Each check takes bytes and returns nothing; an exception other than the errors named in it, or a broken assertion, is a bug.
"""

from __future__ import annotations

from collections.abc import Callable

from khue.camera.migrate import dahua, frigate, hikvision, zoneminder, zoneminder_dump
from khue.camera.migrate.fetch import Recorder
from khue.camera.migrate.found import CameraList, MigrationError, row, stream, text_of, words
from khue.model.address import redact, strip_credentials
from khue.model.errors import CameraProtocolError
from khue.sim.camera import SimCamera
from khue.sim.demo import demo_city
from khue.sim.systems.channels import channels_of, with_oddities
from khue.sim.systems.dahua import DahuaRecorder
from khue.sim.systems.frigate import frigate_config
from khue.sim.systems.isapi import IsapiRecorder
from khue.sim.systems.zoneminder import zoneminder_dump as make_dump

SECRET = "s3cret-Of-The-Asker"
AT = Recorder("http://192.0.2.1:8000", "admin", SECRET)


def holds(found: CameraList) -> None:
    """What is promised of every list, whatever it was made of."""
    names = [camera.name for camera in found.cameras]
    assert all((name and name.isprintable()) or "\u00ad" in name for name in names) and all(
        len(name) <= 200 for name in names
    )
    for camera in found.cameras:
        cells = row(found.system, camera, with_secrets=False)
        assert all("\n" not in cell and "\0" not in cell and not cell.startswith(("=", "@")) for cell in cells.values())
        for url in (camera.rtsp_main, camera.rtsp_sub):
            assert not url or (stream(url)[0] == url and url.startswith(("rtsp://", "rtsps://")))
            # A user name alone in the path stays: it is shown masked, and no secret without its password.
            assert redact(url) == url or any(word in url.lower() for word in ("user", "usr", "account", "login"))
            assert strip_credentials(url)[1:] == ("", "")
        secret = camera.password
        if len(secret) > 5 and secret not in words(secret)[:1]:
            assert SECRET not in repr(camera) and SECRET not in "".join(camera.says)
    for sentence in (*found.says, *(sentence for camera in found.cameras for sentence in camera.says)):
        assert sentence.isprintable() or "\u00ad" in sentence


def migrate_frigate(data: bytes) -> None:
    try:
        found = frigate.parse(data, environment={"FRIGATE_RTSP_PASSWORD_1": SECRET}, host="192.0.2.1")
    except MigrationError as error:
        assert str(error)
        return
    holds(found)


def migrate_zoneminder(data: bytes) -> None:
    try:
        found = zoneminder.parse(zoneminder_dump.parse(data))
    except MigrationError as error:
        assert str(error)
        return
    holds(found)


def migrate_isapi(data: bytes) -> None:
    """The first byte says which page it is."""
    page = data[:1]
    try:
        if page == b"d":
            hikvision.parse_device(data[1:])
        elif page == b"s":
            hikvision.parse_status(data[1:])
        elif page == b"v":
            hikvision.parse_streams(data[1:])
        elif page == b"a":
            assert 0 < hikvision.parse_rtsp_port(data[1:]) < 65536
        else:
            parsed = hikvision.parse_inputs(data[1:]) if page == b"i" else hikvision.parse_channels(data[1:])
            for direct in (True, False):
                holds(hikvision.cameras(hikvision.Device(), parsed, {}, AT, 554, direct=direct))
    except (CameraProtocolError, MigrationError) as error:
        assert str(error)


def migrate_dahua(data: bytes) -> None:
    try:
        if data.startswith(b"{"):
            dahua.parse_states(data)
            return
        answers = dahua.Answers(
            titles=dahua.parse_titles(data),
            remotes=dahua.parse_remotes(data),
            encodings=dahua.parse_encodings(data),
            states=dahua.parse_states(data),
        )
        for direct in (True, False):
            holds(dahua.cameras(answers, AT, direct=direct))
    except (CameraProtocolError, MigrationError) as error:
        assert str(error)


def migrate_text(data: bytes) -> None:
    text = text_of(data)
    made = words(text)
    assert words(made) == made and len(made) <= 300
    url, _, _ = stream(text)
    assert not url or stream(url)[0] == url
    frigate.parse_environment(text)


CHECKS: dict[str, Callable[[bytes], None]] = {
    check.__name__: check for check in (migrate_frigate, migrate_zoneminder, migrate_isapi, migrate_dahua, migrate_text)
}


def _isapi_pages() -> list[bytes]:
    recorder = IsapiRecorder(_CHANNELS)
    named = {"device": b"d", "proxies": b"c", "status": b"s", "streams": b"v", "accesses": b"a", "inputs": b"i"}
    return [mark + recorder._document(getattr(recorder, f"_{name}")()) for name, mark in named.items()]


def _dahua_pages() -> list[bytes]:
    pages: list[bytes] = []
    for firmware in ("current", "older"):
        recorder = DahuaRecorder(_CHANNELS, firmware=firmware)  # type: ignore[arg-type]
        tables = [
            recorder._lines("/cgi-bin/configManager.cgi", "getConfig", t)
            for t in ("ChannelTitle", "RemoteDevice", "Encode")
        ]
        tables.append(iter(["states[0].channel=0", "states[0].connectionState=Connected"]))
        pages.append("\r\n".join(line for table in tables if table for line in table).encode())
    return [*pages, b'{"states":[{"channel":0,"connectionState":"Connected"}]}']


_CHANNELS = with_oddities(channels_of([*demo_city()[:1], SimCamera(name="xm", family="xm")]))[:3]
SEEDS: dict[str, list[bytes]] = {
    "migrate_frigate": [frigate_config(_CHANNELS).encode(), frigate_config(_CHANNELS, placeholder=True).encode()],
    "migrate_zoneminder": [make_dump(_CHANNELS, version).encode() for version in ("1.34", "1.36", "1.38")],  # type: ignore[arg-type]
    "migrate_isapi": _isapi_pages(),
    "migrate_dahua": _dahua_pages(),
    "migrate_text": ["Ngã tư Sở".encode(), "前门".encode("gb2312"), b"rtsp://u:p@h:554/x?a=1", b"A='b'\n"],
}
