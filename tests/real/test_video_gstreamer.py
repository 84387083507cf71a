"""What Debian's GStreamer sends, remuxed, is what Debian's ffmpeg reads: every picture, without a word."""

from __future__ import annotations

import asyncio
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest
from camera_peer import Received, gstreamer, read_control, read_udp

from khue.camera.session import open_session
from khue.model.camera import Transport
from khue.model.time import SystemClock
from khue.video.remux import Fragment, Init, Remuxer

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed (apt-get install ffmpeg)"),
]
FRAMES = 45


class Tap(Received):
    """Feeds what comes to a remuxer as the node does."""

    def __init__(self, remuxer: Remuxer) -> None:
        super().__init__()
        self.out: list[Init | Fragment] = []
        self._remuxer = remuxer

    def take(self, data: bytes | bytearray, channel: int, offset: int, length: int) -> None:
        super().take(data, channel, offset, length)
        packet = struct.pack(">BBH", 0x24, channel, length) + data[offset : offset + length]
        self.out += self._remuxer.feed(packet, SystemClock().now())


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
@pytest.mark.parametrize(("codec", "audio"), [("h264", "pcma"), ("h264", "aac"), ("h265", "pcmu"), ("h265", "")])
async def test_a_clip_of_a_playing_session(transport: Transport, codec: str, audio: str, tmp_path: Path) -> None:
    options = ["--audio", audio] if audio else []
    with gstreamer("--codec", codec, *options) as port:
        session = await open_session(f"rtsp://127.0.0.1:{port}/live", "", "", transport=transport)
        remuxer = Remuxer(session.tracks, zero_based=True)
        tap = Tap(remuxer)
        readers = [read_control(session, tap), *([read_udp(session, tap)] if session.udp else [])]
        tasks = [asyncio.create_task(reader) for reader in readers]
        deadline = time.monotonic() + 20
        while tap.frames[session.tracks[0].channel] < FRAMES:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        session.close()
    tap.out += remuxer.flush()
    fragments = [each for each in tap.out if isinstance(each, Fragment)]
    assert remuxer.dropped == 0
    assert len(fragments) >= FRAMES - 30  # what came before the first keyframe is not shown
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"".join(each.data for each in tap.out))
    said = await asyncio.to_thread(run, "ffmpeg", "-v", "warning", "-i", str(clip), "-f", "null", "-")
    assert said == ("", "")
    counted, _ = await asyncio.to_thread(
        run,
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-show_entries",
        "stream=nb_read_frames",
        "-of",
        "csv=p=0",
        str(clip),
    )
    assert int(counted.split()[0].strip(",")) == len(fragments)
    assert len(counted.split()) == (2 if audio else 1)


def run(*command: str) -> tuple[str, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, done.stderr
