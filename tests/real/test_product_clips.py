"""Sources nobody here wrote, and judges nobody here wrote: GStreamer's RTSP server recorded, clips decoded by ffmpeg."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from product import Product, camera, running, until

SERVER = Path(__file__).with_name("gst_rtsp_server.py")
SOURCES = {
    "gst-h264-tcp": ("--codec", "h264", "--transports", "tcp", "--audio", "pcma"),
    "gst-h264-udp": ("--codec", "h264", "--transports", "udp"),
    "gst-h265-tcp": ("--codec", "h265", "--transports", "tcp", "--audio", "aac"),
    "gst-h265-udp": ("--codec", "h265", "--transports", "udp"),
}


def _has_gstreamer() -> bool:
    check = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    python = Path("/usr/bin/python3")
    return python.exists() and subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def _sources() -> Iterator[dict[str, str]]:
    """GStreamer servers by name of their camera, with their URLs."""
    with contextlib.ExitStack() as stack:
        urls: dict[str, str] = {}
        for name, options in SOURCES.items():
            server = stack.enter_context(
                subprocess.Popen(
                    ["/usr/bin/python3", str(SERVER), *options],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(server.kill)
            assert server.stdout is not None
            urls[name] = f"rtsp://127.0.0.1:{int(server.stdout.readline())}/live"
        yield urls


def _clip(product: Product, name: str, seconds: float, to: Path) -> str:
    """Download the last seconds of a camera as anybody would; returns what the centre says of its codec."""
    end = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
    body = {"camera": product.ids[name], "stream": "main", "to": end.isoformat()}
    stated = {"stated_purpose": "investigation", "stated_case": "KH-1", "stated_reason": "a test"}
    body["from"] = (end - dt.timedelta(seconds=seconds)).isoformat()
    clip = product.api.call("POST", "/clips", body, **stated)
    done = until(lambda: (now := product.api.call("GET", f"/clips/{clip['id']}"))["state"] != "running" and now)
    assert done["state"] == "done", done
    headers = {"Authorization": f"Bearer {product.api.token}"}
    file = httpx.get(f"{product.api.url}/api/v1/clips/{clip['id']}/file", headers=headers, params=stated)
    assert file.status_code == 200
    assert hashlib.sha256(file.content).hexdigest() == file.headers["X-Content-SHA256"] == done["sha256"]
    to.write_bytes(file.content)
    return str(product.cameras()[name]["streams"][0]["codec"])


def _assert_clean(clip: Path, codec: str, at_least: int) -> None:
    # passthrough: a live source's pictures are not evenly spaced, and ffmpeg is not to force them into a constant rate
    command = f"ffmpeg -v warning -i {clip} -fps_mode passthrough -f null -"
    decoded = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    assert (decoded.returncode, decoded.stderr) == (0, "")
    probe = (
        "ffprobe -v error -select_streams v -count_frames -show_entries stream=codec_name,nb_read_frames -of csv=p=0"
    )
    shown = subprocess.run([*probe.split(), str(clip)], capture_output=True, text=True, check=True)
    name, frames = shown.stdout.strip().split(",")[:2]
    assert name == {"h264": "h264", "h265": "hevc"}[codec]
    assert int(frames) >= at_least


@pytest.mark.peer
@pytest.mark.skipif(not _has_gstreamer(), reason="needs Debian's GStreamer RTSP server (make peers, as root)")
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs Debian's ffmpeg (make peers, as root)")
def test_gstreamer_is_recorded_over_tcp_and_udp_and_ffmpeg_decodes_every_clip_without_a_word(tmp_path: Path) -> None:
    with running(tmp_path, camera("sim", audio="pcmu")) as product, _sources() as urls:
        for name, url in urls.items():
            product.add(name, url)
        until(product.recording)
        time.sleep(7.0)
        for name in ("sim", *urls):
            codec = _clip(product, name, 4.0, tmp_path / f"{name}.mp4")
            _assert_clean(tmp_path / f"{name}.mp4", codec, 30)
        assert product.finish()["differences"] == 0
