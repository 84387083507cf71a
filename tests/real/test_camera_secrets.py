"""No credential in a log record, an error or a representation, whatever goes wrong."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from camera_peer import receive
from sim_peer import running, small_camera

from khue.camera.auth import Authenticator
from khue.camera.onvif import OnvifCamera
from khue.camera.probe import probe
from khue.camera.session import PlayingSession, open_session
from khue.model.errors import CameraError
from khue.wire.link import ProbeReply, ProbeRequest

USER = "nguyễn.văn"
SECRET = "S3cret@pw/for#zw9lf"
FAULTS = ["", "wrong-password", "dead", "redirect", "stale-nonce", "garbage", "unroutable"]


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Everything logged by anybody at any level, arguments and tracebacks included."""
    lines: list[str] = []
    with caplog.at_level(logging.DEBUG):
        for name in ("khue", "asyncio", "onvif", "zeep", "aiohttp"):
            caplog.set_level(logging.DEBUG, logger=name)
        yield lines
    for record in caplog.records:
        lines.append(record.getMessage() + repr(record.args) + (record.exc_text or ""))


def shown(error: BaseException) -> str:
    """All that an error could show: text, representation, arguments, notes, causes and contexts."""
    text = "".join(traceback.format_exception(error))
    while error:
        text += str(error) + repr(error) + repr(error.args) + repr(getattr(error, "__notes__", ""))
        error = error.__cause__ or error.__context__
    return text


def assert_clean(text: str) -> None:
    for secret in (SECRET, quote(SECRET, safe=""), quote(SECRET), SECRET.partition("/")[0], SECRET.partition("#")[2]):
        assert secret not in text, text


@pytest.mark.parametrize("in_url", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
async def test_sessions(fault: str, in_url: bool, records: list[str]) -> None:
    async with running(small_camera(username=USER, password=SECRET, auth="digest-md5+basic")) as city:
        url = city.url("cam")
        username, password = USER, SECRET
        if in_url:
            url = url.replace("://", f"://{quote(USER)}:{quote(SECRET, safe='')}@")
            username = password = ""
        if fault:
            await city.fault("cam", fault)
        try:
            session = await open_session(url, username, password, connect_timeout_s=0.5, reply_timeout_s=0.5)
        except CameraError as error:
            assert_clean(shown(error))
        else:
            await receive(session, frames=3)
            assert_clean(repr(session) + repr(session.tracks) + session.sdp + repr(session.udp))
            session.close()
        reply = await probe(ProbeRequest(url=url, username=username, password=password, timeout_s=1))
        assert_clean(repr(reply))
    assert_clean("".join(records))


async def test_credentials_in_the_path(records: list[str]) -> None:
    camera = small_camera(family="xm", quirks=None, username="admin", password="S3cretpw", auth="none")
    async with running(camera) as city:
        url = city.url("cam")
        assert "S3cretpw" in url  # the simulator tells what is on the camera's paper
        session = await open_session(url, "", "")
        await receive(session, frames=3)
        assert "S3cretpw" not in repr(session) + session.sdp
        session.close()
        stream = (await probe(ProbeRequest(url=url))).streams[0]
        assert "S3cretpw" not in repr(stream) and "{user}" in stream.url and "{pw}" in stream.url
        with pytest.raises(CameraError) as caught:
            await open_session(url.replace("stream=0", "stream=9"), "", "")
        assert "S3cretpw" not in shown(caught.value)
        await city.fault("cam", "dead")
        with pytest.raises(CameraError) as caught:
            await open_session(url, "", "")
        assert "S3cretpw" not in shown(caught.value)
    assert "S3cretpw" not in "".join(records)


async def test_onvif(records: list[str]) -> None:
    camera = small_camera(onvif=True, username=USER, password=SECRET)
    async with running(camera) as city:
        port = int(city.onvif_url("cam").split("/")[2].split(":")[1])
        async with OnvifCamera("127.0.0.1", port, USER, SECRET) as client:
            await client.identity()
            profiles = await client.profiles()
            assert_clean(repr(client) + repr(profiles) + await client.stream_url(profiles[0].token))
        async with OnvifCamera("127.0.0.1", port, USER, SECRET + "x") as client:
            with pytest.raises(CameraError) as caught:
                await client.identity()
            assert_clean(shown(caught.value))
    with pytest.raises(CameraError) as caught:
        async with OnvifCamera("127.0.0.1", port, USER, SECRET):
            pass
    assert_clean(shown(caught.value))
    assert_clean("".join(records))


def test_addresses_that_are_none(records: list[str]) -> None:
    secret = quote(SECRET, safe="@")
    for url in (f"rtsp://{USER}:{secret}@", f"rtsp://u:{secret}@h:port/", f"htp://u:{SECRET}@h/", f"u:{secret}@h"):
        with pytest.raises(CameraError) as caught:
            asyncio.run(open_session(url, "", ""))
        assert_clean(shown(caught.value))
        assert_clean(repr(asyncio.run(probe(ProbeRequest(url=url, timeout_s=0.5)))))
    assert_clean("".join(records))


def test_representations_of_what_holds_secrets() -> None:
    holders = [Authenticator(USER, SECRET), OnvifCamera("h", 80, USER, SECRET)]
    assert_clean("".join(map(repr, holders)))
    for kind in (PlayingSession, ProbeReply):
        assert all(SECRET not in repr(thing) for thing in gc.get_objects() if type(thing) is kind)
