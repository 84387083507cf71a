"""Frigate configurations as people write them."""

from __future__ import annotations

import json
import time

import pytest

from khue.camera.migrate.found import Found, MigrationError
from khue.camera.migrate.frigate import parse, parse_environment

HEAD = """
mqtt: {enabled: false}
go2rtc:
  streams:
    front:
      - rtsp://viewer:s%40cret@10.1.0.5:554/Streaming/Channels/101#backchannel=0
      - ffmpeg:front#audio=opus
    front_sub: ffmpeg:rtsp://viewer:s%40cret@10.1.0.5/Streaming/Channels/102#video=copy#hardware
    loop: ffmpeg:loop_back
    loop_back: [rtsp://localhost:8554/loop]
    flv: "ffmpeg:http://10.1.0.6/flv?port=1935&app=bcs&stream=channel0_main.bcs&user=admin&password=Flv-1#video=copy"
    dvr: [dvrip://admin:Dvr-1@10.1.0.7:34567?channel=0&subtype=0]
    nest: rtspx://10.1.0.8:7441/Abc
    plain: rtsp://10.1.0.9/live.sdp
    empty: []
cameras:
"""


def cameras(body: str, **more: object) -> list[Found]:
    indented = "\n".join(f"  {line}" for line in body.strip("\n").splitlines())
    return list(parse(f"{HEAD}{indented}\n".encode(), **more).cameras)  # type: ignore[arg-type]


def one(path: str, **more: object) -> Found:
    return cameras(
        f"cam:\n  ffmpeg:\n    inputs:\n      - path: {json.dumps(path)}\n        roles: [record, detect]", **more
    )[0]


def test_a_restream_is_followed_to_the_camera() -> None:
    [found] = cameras(
        """
cong_truoc:
  friendly_name: Cổng trước
  ffmpeg:
    inputs:
      - {path: "rtsp://127.0.0.1:8554/front?video=copy&audio=aac", input_args: preset-rtsp-restream, roles: [record]}
      - {path: "rtsp://127.0.0.1:8554/front_sub", roles: [detect, audio]}
  detect: {width: 640, height: 360}
"""
    )
    assert (found.name, found.host, found.family) == ("Cổng trước", "10.1.0.5", "hik")
    assert found.rtsp_main == "rtsp://10.1.0.5:554/Streaming/Channels/101"
    assert found.rtsp_sub == "rtsp://10.1.0.5/Streaming/Channels/102"
    assert (found.username, found.password) == ("viewer", "s@cret")
    assert found.megapixels is None  # the size is that of the small stream
    assert "s@cret" not in repr(found)


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("rtsp://10.0.0.1/live", "rtsp://10.0.0.1/live"),
        ("rtsps://u:p@10.0.0.1:322/live", "rtsps://10.0.0.1:322/live"),
        ("rtsp://u:p@[fe80::1]:554/live", "rtsp://[fe80::1]:554/live"),
        ("rtsp://localhost:8554/plain", "rtsp://10.1.0.9/live.sdp"),
        ("plain", "rtsp://10.1.0.9/live.sdp"),
        ("rtsp://127.0.0.1:8554/nest", "rtsps://10.1.0.8:7441/Abc"),
        ("rtsp://127.0.0.1:8554/elsewhere", "rtsp://127.0.0.1:8554/elsewhere"),
        ("rtsp://127.0.0.1:9554/plain", "rtsp://127.0.0.1:9554/plain"),
        ("rtsp://frigate.lan:8554/plain", "rtsp://frigate.lan:8554/plain"),
    ],
)
def test_addresses(path: str, url: str) -> None:
    assert one(path).rtsp_main == url


def test_frigate_s_own_host_is_a_restream_too() -> None:
    assert one("rtsp://frigate.lan:8554/plain", host="frigate.lan").rtsp_main == "rtsp://10.1.0.9/live.sdp"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("rtsp://127.0.0.1:8554/loop", "leads back to itself"),
        ("rtsp://127.0.0.1:8554/flv", "http source, not RTSP"),
        ("rtsp://127.0.0.1:8554/dvr", "dvrip source, not RTSP"),
        ("rtsp://127.0.0.1:8554/empty", "is empty"),
        ("/dev/video0", "not RTSP"),
        ("rtsp://", "not RTSP"),
        ("rtsp://h/a\x07b", "not RTSP"),
    ],
)
def test_what_no_node_could_open_is_said(path: str, why: str) -> None:
    found = one(path)
    assert found.rtsp_main == "" and why in found.says[0], found.says
    assert not any("Flv-1" in sentence or "Dvr-1" in sentence for sentence in found.says)


def test_places_are_filled_from_the_environment_only() -> None:
    path = "rtsp://{FRIGATE_RTSP_USER}:{FRIGATE_RTSP_PASSWORD}@10.0.0.1/live"
    bare = one(path)
    assert (bare.rtsp_main, bare.username, bare.password) == ("rtsp://10.0.0.1/live", "", "")
    assert "FRIGATE_RTSP_PASSWORD" in bare.says[0]
    environment = parse_environment(
        "# of the container\nexport FRIGATE_RTSP_USER=viewer\nFRIGATE_RTSP_PASSWORD='a@b/c d#'\n"
    )
    filled = one(path, environment=environment)
    assert (filled.username, filled.password, filled.says) == ("viewer", "a@b/c d#", ())
    assert one("rtsp://${NVR_HOST}/live").rtsp_main == ""
    assert "not given" in one("rtsp://{FRIGATE_HOST}/live").says[0]
    assert one("rtsp://{FRIGATE_HOST}/live", environment={"FRIGATE_HOST": "10.9.9.9"}).host == "10.9.9.9"


def test_environment_files() -> None:
    text = 'A=1\n B = two words \n#C=3\nD="quoted"\nE=\'\nF=a=b\nnonsense\nG=\n'
    assert parse_environment(text) == {"A": "1", "B": "two words", "D": "quoted", "E": "'", "F": "a=b", "G": ""}


def test_anchors_roles_and_switches() -> None:
    found = cameras(
        """
one: &base
  enabled: false
  ffmpeg: {inputs: [{path: "rtsp://a:b@10.0.0.1/1", roles: [detect]}]}
  onvif: {host: 10.0.0.1, port: 80, user: a, password: b, autotracking: {enabled: true}}
  detect: {width: 1920, height: 1080}
two:
  <<: *base
  enabled: true
three:
  ffmpeg: {inputs: [{path: "rtsp://10.0.0.3/sub", roles: [detect]}, {path: "rtsp://10.0.0.3/main", roles: [record, audio]}]}
four: {ffmpeg: {inputs: []}}
five: off
"""
    )
    assert [camera.enabled for camera in found] == [False, True, True, True]
    assert (found[0].kind, found[0].megapixels, found[1].rtsp_main) == ("ptz", 2.1, "rtsp://10.0.0.1/1")
    assert (found[2].rtsp_main, found[2].rtsp_sub) == ("rtsp://10.0.0.3/main", "rtsp://10.0.0.3/sub")
    assert "no inputs" in found[3].says[0]


def test_the_answer_of_the_api_has_stars_for_passwords() -> None:
    body = {"cameras": {"a": {"ffmpeg": {"inputs": [{"path": "rtsp://*:*@10.0.0.1/x", "roles": ["detect"]}]}}}}
    [found] = parse(json.dumps(body).encode()).cameras
    assert (found.rtsp_main, found.username, found.password) == ("rtsp://10.0.0.1/x", "", "")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "data",
    [
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 108)),
        b"a: &a {x: 1, y: 2}\n"
        + b"".join(b"%c: &%c {<<: [%s]}\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 108)),
        b"[" * 100_000,
        b"- " * 100_000,
        b"a: " + b"9" * 100_000,
        b"cameras: !!python/object/apply:os.system ['true']",
        b"cameras: 2026-99-99",
        b"\xff\xfe\x00",
        b"cameras: [\n",
        b"cameras: {a: *nothing}",
        b"? [a]\n: b",
        b"x" * (2 << 20),
        b"",
        b"a: {password: Secret-1, b: [}",
    ],
)
def test_bombs_and_nonsense_cost_little_and_say_nothing_secret(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(MigrationError) as error:
        parse(data)
    assert "Secret-1" not in str(error.value) and time.process_time() - began < 10
