"""Each adapter against its simulated system over real HTTP and SOAP, then through the import into a centre and out again."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from centre_world import World, world
from click.testing import CliRunner, Result
from sim_peer import running, small_camera

from khue.camera.control import PasswordRefused
from khue.camera.migrate import dahua, frigate, frigate_live, hikvision, onvif_recorder
from khue.camera.migrate.fetch import Recorder
from khue.camera.migrate.found import CameraList, Found, MigrationError
from khue.camera.probe import probe
from khue.centre.secrets import load_vault
from khue.cli.migrate import migrate
from khue.model.errors import CameraError, CameraUnreachable
from khue.sim.camera import SimCamera
from khue.sim.http import HttpReply, HttpServer
from khue.sim.systems.channels import SimChannel, channels_of, with_oddities
from khue.sim.systems.dahua import DahuaRecorder
from khue.sim.systems.frigate import FrigateServer, environment_file, frigate_config
from khue.sim.systems.isapi import IsapiRecorder
from khue.sim.systems.onvif_recorder import ProfileGRecorder
from khue.sim.systems.zoneminder import zoneminder_dump
from khue.wire.link import ProbeRequest

OWN, BOX = "Cam@:/ 2026=1", "=Box+2026"  # passwords no address, sheet or line of text takes as they are
NAMES = ("Ngã tư Khuất Duy Tiến", "Cầu Nhật Tân", "Hồ Hoàn Kiếm", "Chợ Đồng Xuân")
FAMILIES = ("hik", "dahua", "axis", "xm")
SERIAL = "SIMHN000000{}"


def street() -> list[SimChannel]:
    cameras = [
        SimCamera(name=f"cam-{n}", label=label, family=family, password=OWN, serial=SERIAL.format(n), ptz=n == 1)
        for n, (label, family) in enumerate(zip(NAMES, FAMILIES, strict=True))
    ]
    return with_oddities(channels_of(cameras))


def by_place(found: CameraList) -> dict[str, Found]:
    return {camera.where: camera for camera in found.cameras}


async def ask_isapi(recorder: IsapiRecorder, password: str = BOX, **more: Any) -> CameraList:
    async with Recorder(recorder.url, "admin", password) as asked:
        return await hikvision.read(asked, **more)


async def ask_dahua(recorder: DahuaRecorder, password: str = BOX, **more: Any) -> CameraList:
    async with Recorder(recorder.url, "admin", password) as asked:
        return await dahua.read(asked, **more)


async def ask_onvif(recorder: ProfileGRecorder, password: str = BOX) -> CameraList:
    port = int(recorder.url.rpartition(":")[2])
    async with onvif_recorder.OnvifRecorder("127.0.0.1", port, "admin", password) as asked:
        return await onvif_recorder.read(asked, "127.0.0.1", "admin", password)


async def ask_frigate(server: FrigateServer, user: str = "", password: str = "", **more: Any) -> CameraList:
    async with Recorder(server.url, user, password) as asked:
        return await frigate_live.read(asked, **more)


# -- one system each ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ["current", "older", "prefixed"])
@pytest.mark.parametrize("auth", ["digest-md5", "digest-sha256", "basic"])
async def test_isapi_through_the_recorder(firmware: Any, auth: Any) -> None:
    async with IsapiRecorder(street(), firmware=firmware, auth=auth, password=BOX, rtsp_port=8555) as recorder:
        found = await ask_isapi(recorder)
    places = by_place(found)
    assert list(places) == [f"channel {number}" for number in range(1, 11)]
    first = places["channel 1"]
    assert (first.name, first.host) == (NAMES[0], "192.168.254.2")
    assert first.rtsp_main == "rtsp://127.0.0.1:8555/Streaming/Channels/101"
    assert first.rtsp_sub == "rtsp://127.0.0.1:8555/Streaming/Channels/102"
    assert (first.username, first.password, first.megapixels) == ("admin", BOX, 0.9)
    assert first.serial == ("" if firmware == "older" else SERIAL.format(0))
    assert places["channel 2"].family == (
        "" if firmware == "older" else "dahua"
    )  # it speaks ONVIF, and no more is said
    assert (places["channel 6"].working, places["channel 1"].working) == (False, True)
    assert "networkAbnormal" in places["channel 6"].says[0]
    assert [left.where for left in found.left_out] == ["channel 11"]


async def test_what_was_moved_plays() -> None:
    """The address and password of a Frigate's configuration, over go2rtc, opened as a node would."""
    async with running(small_camera(family="hik", password=OWN)) as city:
        port = urlsplit(city.url("cam", "main")).port or 0
        channel = SimChannel(number=1, name="a", camera=city.camera("cam"), host="127.0.0.1", rtsp_port=port)
        [found] = frigate.parse(frigate_config([channel]).encode()).cameras
        asked = ProbeRequest(url=found.rtsp_main, username=found.username, password=found.password)
        reply = await probe(asked)
    assert reply.streams and reply.streams[0].codec == "h264" and not reply.error, reply


async def test_isapi_straight_from_the_cameras_asks_for_their_own_passwords() -> None:
    async with IsapiRecorder(street(), password=BOX) as recorder:
        found = by_place(await ask_isapi(recorder, direct=True))
    assert found["channel 1"].rtsp_main == "rtsp://192.168.254.2:554/Streaming/Channels/101"
    assert found["channel 2"].rtsp_main == "rtsp://192.168.254.3:554/cam/realmonitor?channel=1&subtype=0"
    assert {(camera.username, camera.password) for camera in found.values()} == {("", "")}
    assert all(camera.says for camera in found.values()) and "password" in found["channel 1"].says[0]


async def test_isapi_hybrid_recorder_has_both_kinds_of_input() -> None:
    cable = SimChannel(number=1, name="Cáp đồng trục", camera=SimCamera(name="bnc", sub=None), analogue=True)
    silent = SimChannel(number=2, name="Cáp 2", analogue=True, online=False)
    digital = channels_of([SimCamera(name="ip", label="Số 33")], first=33)
    async with IsapiRecorder([cable, silent, *digital], firmware="hybrid", password=BOX) as recorder:
        found = by_place(await ask_isapi(recorder))
        direct = by_place(await ask_isapi(recorder, direct=True))
    assert list(found) == ["channel 1", "channel 2", "channel 33"]
    assert found["channel 33"].rtsp_main.endswith("/Streaming/Channels/3301")
    assert (found["channel 1"].rtsp_sub, found["channel 2"].working) == ("", False)
    assert direct["channel 1"].rtsp_main == "" and "only the recorder" in direct["channel 1"].says[0]


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        ("/ISAPI/ContentMgmt/InputProxy/channels/status", "working"),
        ("/ISAPI/Streaming/channels", "megapixels"),
        ("/ISAPI/Security/adminAccesses", "port"),
    ],
)
async def test_isapi_a_forbidden_page_costs_only_what_stands_there(path: str, lost: str) -> None:
    async with IsapiRecorder(street(), refuses=(path,), password=BOX, rtsp_port=8555) as recorder:
        found = await ask_isapi(recorder)
        known = await ask_isapi(recorder, rtsp_port=8555)
    first = found.cameras[0]
    assert any("403" in sentence and path in sentence for sentence in found.says)
    assert (first.working is None) == (lost == "working")
    assert (first.megapixels is None) == (lost == "megapixels")
    assert (":554/" in first.rtsp_main) == (lost == "port")
    assert ":8555/" in known.cameras[0].rtsp_main


async def test_isapi_without_any_channel_list_is_an_error_with_the_reason() -> None:
    async with IsapiRecorder(street(), refuses=("/ISAPI/ContentMgmt/InputProxy/channels",), password=BOX) as recorder:
        with pytest.raises(CameraError, match="403"):
            await ask_isapi(recorder)


@pytest.mark.parametrize("firmware", ["current", "older"])
async def test_dahua_through_the_recorder(firmware: Any) -> None:
    async with DahuaRecorder(street(), firmware=firmware, password=BOX, rtsp_port=8556) as recorder:
        found = await ask_dahua(recorder)
    places = by_place(found)
    assert list(places) == [f"channel {number}" for number in range(1, 11)]
    second = places["channel 2"]
    assert (second.name, second.vendor, second.host) == (NAMES[1], "Dahua", "192.168.254.3")
    assert second.rtsp_main == "rtsp://127.0.0.1:8556/cam/realmonitor?channel=2&subtype=0"
    assert (second.username, second.password, second.serial) == ("admin", BOX, SERIAL.format(1))
    assert second.mac.startswith("02:") and second.megapixels == 0.9
    # Old firmware has no page that says it, the one between says it in lines (below), the new one in JSON.
    assert places["channel 6"].working is (False if firmware == "current" else None)
    assert [left.where for left in found.left_out] == ["channel 11"]
    assert found.says == ()


async def test_dahua_straight_from_the_cameras() -> None:
    """Old firmware shows passwords: that is knowing, not guessing. New firmware shows stars."""
    async with DahuaRecorder(street(), firmware="older", password=BOX) as recorder:
        shown = by_place(await ask_dahua(recorder, direct=True))
    async with DahuaRecorder(street(), password=BOX) as recorder:
        hidden = by_place(await ask_dahua(recorder, direct=True))
    assert (shown["channel 2"].password, hidden["channel 2"].password) == (OWN, "")
    assert shown["channel 2"].rtsp_main == "rtsp://192.168.254.3:554/cam/realmonitor?channel=1&subtype=0"
    assert "does not show" in hidden["channel 2"].says[0]


@pytest.mark.parametrize(("firmware", "name"), [("gbk", "前门通道"), ("tcvn3", "Ng· t\u00ad KhuÊt Duy TiÕn")])
async def test_dahua_names_of_before_unicode(firmware: Any, name: str) -> None:
    async with DahuaRecorder(street(), firmware=firmware, password=BOX) as recorder:
        found = (await ask_dahua(recorder)).cameras
    assert (found[0].name, found[0].working, found[5].working) == (name, True, False)


@pytest.mark.parametrize("how", [{}, {"old": True}, {"jobs": False}])
async def test_onvif_recorder(how: Any) -> None:
    async with ProfileGRecorder(street(), password=BOX, rtsp_port=8557, **how) as recorder:
        found = await ask_onvif(recorder)
    assert [camera.name for camera in found.cameras[:4]] == list(NAMES)
    first, dead = found.cameras[0], found.cameras[5]
    assert first.rtsp_main == "rtsp://127.0.0.1:8557/unicast/c1/s0/live"
    assert first.rtsp_sub == "rtsp://127.0.0.1:8557/unicast/c1/s1/live"
    assert (first.address, first.host, first.password) == ("Số 1 Tràng Tiền", "192.168.254.2", BOX)
    assert (dead.name, dead.rtsp_main, dead.password) == ("Hầm chui Kim Liên", "", "")
    assert "2026-10-20" in found.says[0] and "210235C3VX3206000001" in found.system


async def test_onvif_recorder_without_recordings_keeps_what_its_profiles_say() -> None:
    async with ProfileGRecorder(street(), password=BOX, lacks=("GetRecordings",)) as recorder:
        found = await ask_onvif(recorder)
    assert len(found.cameras) == 8 and len(found.left_out) == 2
    assert found.cameras[0].name.startswith("source source1 (")
    assert "GetRecordings" in found.says[0]


async def test_a_live_frigate_shows_its_file_to_its_administrator_only() -> None:
    config = frigate_config(street())
    async with FrigateServer(config, password="Fr-2026") as server:
        whole = await ask_frigate(server, "admin", "Fr-2026")
        with pytest.raises(PasswordRefused):
            await ask_frigate(server)
        with pytest.raises(PasswordRefused):
            await ask_frigate(server, "admin", "wrong")
        assert server.logins == 2  # one for the right password, one for the wrong one
    async with FrigateServer(config, viewer=True) as server:
        masked = await ask_frigate(server)
    assert {camera.password for camera in whole.cameras[:4]} == {OWN}
    assert [camera.rtsp_main for camera in masked.cameras] == [camera.rtsp_main for camera in whole.cameras]
    assert not any(camera.password or camera.username for camera in masked.cameras if "{" not in camera.rtsp_main)
    assert "without passwords" in masked.says[0]


async def test_a_wrong_password_is_tried_once() -> None:
    """Recorders lock an account after a few."""
    async with IsapiRecorder(street(), password=BOX) as isapi, DahuaRecorder(street(), password=BOX) as cgi:
        for recorder, ask in ((isapi, ask_isapi), (cgi, ask_dahua)):
            with pytest.raises(PasswordRefused) as refused:
                await ask(recorder, "guessed-Secret-1")  # type: ignore[operator]
            assert recorder.doorman.users.refused == 1 and len(recorder.asked) == 2
            assert "guessed-Secret-1" not in str(refused.value)
    async with ProfileGRecorder(street(), password=BOX) as recorder:
        with pytest.raises(PasswordRefused):
            await ask_onvif(recorder, "guessed-Secret-1")
        assert recorder.users.refused == 1


async def _hostile(reply: HttpReply) -> AsyncIterator[HttpServer]:
    async def answer(_: object) -> HttpReply:
        return reply

    server = HttpServer(answer)
    await server.start("127.0.0.1")
    yield server
    await server.stop()


@pytest.mark.parametrize(
    "reply",
    [
        HttpReply(200, b"<!DOCTYPE a [<!ENTITY b 'c'>]><DeviceInfo>&b;</DeviceInfo>", "application/xml"),
        HttpReply(200, b"x" * (5 << 20), "application/xml"),
        HttpReply(200, b"\x1f\x8b" + bytes(100), "application/xml", (("Content-Encoding", "gzip"),)),
        HttpReply(200, b"<html>camera</html>", "text/html"),
        HttpReply(200, b"", "text/html"),
        HttpReply(401, b"", "text/html", (("WWW-Authenticate", "Negotiate"),)),
        HttpReply(500, b"", "text/html"),
    ],
)
async def test_nonsense_is_an_error_in_words(reply: HttpReply) -> None:
    async for server in _hostile(reply):
        for module in (hikvision, dahua):
            async with Recorder(f"http://127.0.0.1:{server.port}", "admin", BOX) as recorder:
                with pytest.raises(CameraError) as error:
                    await module.read(recorder)
                assert BOX not in str(error.value) and str(error.value)


async def test_nobody_there() -> None:
    async with Recorder("http://127.0.0.1:9", "admin", BOX, timeout_s=2) as recorder:
        with pytest.raises(CameraUnreachable, match="check the address"):
            await hikvision.read(recorder)
    with pytest.raises(MigrationError):
        Recorder("ftp://x", "", "")


# -- through the import, by the command --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def loop_world() -> Any:
    """A centre for all commands of this file; commands run in threads of their own and speak HTTP to it."""
    runner = asyncio.Runner()
    made = world()
    yield runner, runner.run(made.__aenter__())
    runner.run(made.__aexit__(None, None, None))
    runner.close()


class Commands:
    """``khue migrate`` signed in at a centre, with every word it says kept for `leaks`."""

    def __init__(self, runner: asyncio.Runner, centre: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run_async = runner.run
        self.centre = centre
        self.said = ""
        self._client = runner.run(centre.client())
        token = runner.run(self._token())
        monkeypatch.setenv("KHUE_URL", centre.centre.url)
        monkeypatch.setenv("KHUE_TOKEN", token)
        self._monkeypatch = monkeypatch

    async def _token(self) -> str:
        reply = await self._client.post("/api/v1/tokens", json={"name": "migrate", "expires_days": 1})
        assert reply.status_code == 201, reply.text
        return str(reply.json()["token"])

    async def _invoke(
        self, system: AbstractAsyncContextManager[Any] | None, arguments: Callable[[Any], list[str]]
    ) -> Result:
        if system is None:
            return await asyncio.to_thread(CliRunner().invoke, migrate, arguments(None))
        async with system as started:
            return await asyncio.to_thread(CliRunner().invoke, migrate, arguments(started))

    def __call__(
        self,
        arguments: Callable[[Any], list[str]],
        system: AbstractAsyncContextManager[Any] | None = None,
        password: str = "",
    ) -> Result:
        self._monkeypatch.setenv("KHUE_PASSWORD", password)
        result = self.run_async(self._invoke(system, arguments))
        self.said += result.output + repr(result.exception)
        return result

    def get(self, path: str, **params: Any) -> Any:
        reply = self.run_async(self._get(path, params))
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def _get(self, path: str, params: dict[str, Any]) -> Any:
        return await self._client.get(f"/api/v1{path}", params=params)

    def undo(self, import_id: str) -> None:
        reply = self.run_async(self._client.post(f"/api/v1/imports/{import_id}/undo"))
        assert reply.status_code == 202, reply.text
        self.run_async(self._undone(import_id))

    async def _undone(self, import_id: str) -> None:
        async with asyncio.timeout(30):
            while (await self._get(f"/imports/{import_id}", {})).json()["state"] != "undone":
                await asyncio.sleep(0.05)

    async def credentials(self, camera: str) -> tuple[str, str, str]:
        """(main URL, user, password) as a node would be told them."""
        rows = await self.centre.engines.database.fetch(
            "select s.url, c.credentials from camera_stream s join camera c on c.id = s.camera"
            " where c.id = $1 and s.name = 'main'",
            camera,
        )
        vault = load_vault(self.centre.config.keys)
        user, password = json.loads(vault.open(rows[0]["credentials"], f"camera/{camera}/credentials"))
        return vault.open(rows[0]["url"], f"camera/{camera}/main/url"), user, password


@pytest.fixture
def command(loop_world: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Any:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    made = Commands(*loop_world, monkeypatch)
    yield made
    said = made.said + caplog.text
    assert not any(secret in said for secret in (OWN, BOX, quote(OWN, safe=""), "wrong-Pass-1")), (
        "a password was said aloud"
    )


FACTS = [
    "--agency",
    "UBND phường Ba Đình",
    "--unit",
    "Phường Ba Đình",
    "--address",
    "12 Quán Thánh",
    "--purpose",
    "security",
]


def moved(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def check_round_trip(command: Commands, told: Any, created: int) -> dict[str, dict[str, Any]]:
    """Everything was created, can be found again, and the same list again changes nothing."""
    assert told["import"]["applied"] and told["import"]["created"] == created, told["import"]
    assert {item["outcome"] for item in told["cameras"]} == {"created"}
    items = command.get("/inventory/cameras", limit=500, agency="ubnd-phuong-ba-dinh")["items"]
    assert len(items) == created
    return {item["name"]: item for item in items}


SYSTEMS: dict[str, Any] = {
    "hikvision": (lambda: IsapiRecorder(street(), password=BOX), lambda s: [s.url, "--user", "admin"], BOX, 10),
    "dahua": (lambda: DahuaRecorder(street(), password=BOX), lambda s: [s.url, "--user", "admin"], BOX, 10),
    "onvif": (lambda: ProfileGRecorder(street(), password=BOX), lambda s: [s.url, "--user", "admin"], BOX, 10),
    "frigate": (lambda: FrigateServer(frigate_config(street())), lambda s: [s.url], OWN, 10),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_list_goes_through_the_import_into_the_registry_and_back(command: Commands, name: str) -> None:
    system, arguments, password, count = SYSTEMS[name]

    def asked(started: Any) -> list[str]:
        return [name, *arguments(started), *FACTS, "--json"]

    dry = moved(command(asked, system(), BOX))
    assert not dry["import"]["applied"] and dry["import"]["created"] == count, dry["import"]
    assert command.get("/inventory/cameras", agency="ubnd-phuong-ba-dinh")["items"] == []
    assert command.get("/imports")["items"][:1] == [] or command.get("/imports")["items"][0]["state"] == "undone"
    told = moved(command(lambda s: [*asked(s), "--yes"], system(), BOX))
    records = check_round_trip(command, told, count)
    first = records[NAMES[0]]
    record = command.get(f"/registry/cameras/{first['id']}")
    assert (record["purpose"], record["owner"], record["host"]) == ("security", "ubnd-phuong-ba-dinh", "192.168.254.2")
    expected = next(item for item in told["cameras"] if item["name"] == NAMES[0])
    url, user, secret = command.run_async(command.credentials(first["id"]))
    assert (url, user, secret) == (expected["rtsp_main"], "admin", password)
    assert record["address"] == ("Số 1 Tràng Tiền" if name == "onvif" else "12 Quán Thánh")
    again = moved(command(asked, system(), BOX))
    assert again["import"]["unchanged"] == count, again["import"]
    command.undo(told["import"]["id"])
    assert command.get("/inventory/cameras", agency="ubnd-phuong-ba-dinh")["items"] == []


@pytest.mark.parametrize("version", ["1.34", "1.36", "1.38"])
def test_a_zoneminder_dump_goes_the_same_way(command: Commands, tmp_path: Path, version: Any) -> None:
    there = [
        SimChannel(
            **{**{f: getattr(one, f) for f in one.__struct_fields__}, "position": (21.03 + one.number / 1000, 105.84)}
        )
        for one in street()
    ]
    dump = tmp_path / "zm.sql"
    dump.write_text(zoneminder_dump(there, version))
    facts = FACTS if version == "1.34" else [*FACTS[:2], "--purpose", "security"]
    told = moved(command(lambda _: ["zoneminder", str(dump), *facts, "--json"]))
    refused = {item["name"] for item in told["cameras"] if item["outcome"] == "refused"}
    # Without coordinates and without an address nobody knows where they hang.
    assert refused == (set() if version == "1.34" else {"Phòng trực", "O'Brien; gate", "Cổng Bắc"})
    told = moved(command(lambda _: ["zoneminder", str(dump), *FACTS, "--yes", "--json"]))
    records = check_round_trip(command, told, 13)
    record = command.get(f"/registry/cameras/{records[NAMES[1]]['id']}")
    assert (record["lat"] is None) == (version == "1.34")
    assert record["vendor"] == ("Dahua" if version == "1.38" else "") and record["family"] == "dahua"
    url, user, secret = command.run_async(command.credentials(records[NAMES[1]]["id"]))
    assert (url, user, secret) == ("rtsp://192.168.254.3/cam/realmonitor?channel=1&subtype=0", "admin", OWN)
    command.undo(told["import"]["id"])


def test_names_typed_in_tcvn3_arrive_in_unicode(command: Commands) -> None:
    told = moved(
        command(
            lambda s: ["dahua", s.url, "--user", "admin", *FACTS, "--yes", "--json"],
            DahuaRecorder(street(), firmware="tcvn3", password=BOX),
            BOX,
        )
    )
    names = {
        item["name"] for item in command.get("/inventory/cameras", limit=500, agency="ubnd-phuong-ba-dinh")["items"]
    }
    assert set(NAMES) <= names, names
    command.undo(told["import"]["id"])


def test_a_file_instead_of_an_import(command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No centre is asked, and passwords are in the file only when they are asked for."""
    monkeypatch.setenv("KHUE_URL", "http://127.0.0.1:9")
    config, out = tmp_path / "config.yml", tmp_path / "list.csv"
    config.write_text(frigate_config(street(), placeholder=True))
    (tmp_path / "frigate.env").write_text(environment_file(street()))
    environment = ["--env-file", str(tmp_path / "frigate.env")]
    result = command(lambda _: ["frigate", str(config), *environment, *FACTS, "--out", str(out)])
    assert result.exit_code == 0, result.output
    bare = out.read_text("utf-8-sig")
    assert "Cam%40" not in bare and OWN not in bare
    rows = list(csv.DictReader(io.StringIO(bare)))
    assert rows[0]["name"] == NAMES[0] and rows[0]["rtsp_main"] == "rtsp://192.168.254.2/Streaming/Channels/101"
    assert command(lambda _: ["frigate", str(config), *environment, "--out", str(out), "--with-secrets"]).exit_code == 0
    assert "rtsp://admin:Cam%40%3A%2F%202026%3D1@192.168.254.2/" in out.read_text("utf-8-sig")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    without = command(lambda _: ["frigate", str(config), "--with-secrets"])
    assert "--out" in repr(without.exception)


def test_errors_are_sentences(command: Commands, tmp_path: Path) -> None:
    broken = tmp_path / "config.yml"
    broken.write_text(f"cameras:\n  a: {{path: 'rtsp://admin:{OWN}@h/x'\n  b: [")
    for arguments in (["frigate", str(broken)], ["zoneminder", str(broken)], ["frigate", str(tmp_path / "none.yml")]):
        result = command(lambda _, arguments=arguments: arguments)  # type: ignore[misc]
        assert isinstance(result.exception, MigrationError) and str(result.exception), result.output
    result = command(
        lambda s: ["hikvision", s.url, "--user", "admin"], IsapiRecorder(street(), password=BOX), "wrong-Pass-1"
    )
    assert isinstance(result.exception, PasswordRefused) and "wrong-Pass-1" not in str(result.exception)


def test_the_table_shows_what_would_happen(command: Commands) -> None:
    result = command(
        lambda s: ["hikvision", s.url, "--user", "admin", *FACTS], IsapiRecorder(street(), password=BOX), BOX
    )
    assert result.exit_code == 0, result.output
    assert "would be: 10 created" in result.output and "--yes imports them" in result.output
    assert "left out: channel 11 Kênh cũ: no camera is connected to it" in result.output


def test_the_environment_of_frigate_is_used_only_where_it_is_given() -> None:
    config = frigate_config(street(), placeholder=True).encode()
    without = frigate.parse(config)
    given = frigate.parse(config, environment=frigate.parse_environment(environment_file(street())))
    assert not any(camera.password for camera in without.cameras) and "FRIGATE_RTSP_PASSWORD_1" in without.says[0]
    assert given.cameras[0].password == OWN and given.says == ()


async def test_the_systems_to_practise_on(tmp_path: Path) -> None:
    """``khue sim systems`` as a process: what it prints is where they are, and its files are read."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from khue.sim.systems.command import systems; systems()", "--out", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            told = json.loads(await process.stdout.readline())
        async with Recorder(told["hikvision"], told["user"], told["password"]) as asked:
            through_isapi = await hikvision.read(asked)
        environment = frigate.parse_environment((tmp_path / "frigate.env").read_text())
        of_frigate = frigate.parse((tmp_path / "config.yml").read_bytes(), environment=environment)
        assert len(through_isapi.cameras) == len(of_frigate.cameras) == 22
    finally:
        process.terminate()
        assert await process.wait() == 0
