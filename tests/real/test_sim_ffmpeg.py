"""ffmpeg, which no one here wrote, plays the simulated cameras without a complaint."""

from __future__ import annotations

import asyncio
import json
import shutil

import msgspec
import pytest
from sim_peer import SMALL, running, small_camera

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("ffprobe") is None, reason="Debian's ffmpeg is not installed"),
]


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def _with_password(url):
    return url.replace("://", "://admin:Khue-2026@")


async def _run(*command):
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 40)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, out, err.decode()


@pytest.mark.parametrize(
    ("codec", "audio", "transport"),
    [
        ("h264", "", "tcp"),
        ("h264", "pcma", "udp"),
        ("h264", "aac", "tcp"),
        ("h265", "", "udp"),
        ("h265", "pcmu", "tcp"),
        ("h265", "aac", "udp"),
    ],
)
async def test_ffprobe_names_the_tracks(codec, audio, transport):
    camera = small_camera(main=msgspec.structs.replace(SMALL, codec=codec), audio=audio, label="probed")
    async with running(camera) as city:
        url = _with_password(city.url("cam"))
        options = ["-v", "error", "-rtsp_transport", transport, "-show_streams", "-of", "json"]
        status, out, err = await _run("ffprobe", *options, url)
    assert status == 0, err
    streams = json.loads(out)["streams"]
    names = {"": [], "pcma": ["pcm_alaw"], "pcmu": ["pcm_mulaw"], "aac": ["aac"]}[audio]
    assert [stream["codec_name"] for stream in streams] == [{"h264": "h264", "h265": "hevc"}[codec], *names]
    assert (streams[0]["width"], streams[0]["height"]) == (320, 180)


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("changes", [{}, {"tls": True}, {"auth": "basic"}, {"quirks": ("aggregate-sets", "lf")},
                                     {"audio": "aac", "parameter_sets": "in-band"}])  # fmt: skip
async def test_ffmpeg_decodes_without_a_warning(codec, changes):
    camera = small_camera(main=msgspec.structs.replace(SMALL, codec=codec), label="decoded", **changes)
    async with running(camera) as city:
        source = ["-rtsp_transport", "tcp", "-i", _with_password(city.url("cam"))]
        status, out, err = await _run(
            "ffmpeg", "-nostdin", "-v", "warning", *source, "-frames:v", "30", "-fps_mode", "passthrough",
            "-f", "framemd5", "-",
        )  # fmt: skip
    complaints = [line for line in err.splitlines() if "Multiple" not in line and line.strip()]
    assert status == 0, err
    assert not complaints
    assert sum(line.startswith(b"0,") for line in out.splitlines()) == 30


async def test_ffprobe_is_refused_with_the_wrong_password():
    async with running(small_camera(label="probed")) as city:
        url = city.url("cam").replace("://", "://admin:nonsense@")
        status, _, err = await _run("ffprobe", "-v", "error", "-rtsp_transport", "tcp", url)
    assert status != 0
    assert "401" in err
