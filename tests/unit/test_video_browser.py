"""A real browser's MSE plays what the remuxer writes: every picture, no hole, sound or not."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from video_material import (
    EPOCH,
    Packet,
    aac,
    aac_payload,
    audio_packets,
    audio_track,
    encode,
    g711,
    merged,
    taken_apart,
    tone,
    video_packets,
    video_track,
)

from khue.model.media import Codec, Track
from khue.video.remux import Remuxer

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
]

PLAY = """
async ([mime, parts, offset]) => {
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const video = document.createElement('video');
  video.muted = true;
  document.body.replaceChildren(video);
  const media = new MediaSource();
  video.src = URL.createObjectURL(media);
  await new Promise(open => media.addEventListener('sourceopen', open, {once: true}));
  const buffer = media.addSourceBuffer(mime);
  buffer.timestampOffset = offset;
  for (const part of parts) {
    await new Promise((done, failed) => {
      buffer.onupdateend = done;
      buffer.onerror = () => failed(new Error('append refused'));
      buffer.appendBuffer(bytes(part));
    });
  }
  const shown = [];
  const note = (_, frame) => { shown.push(frame.mediaTime); video.requestVideoFrameCallback(note); };
  video.requestVideoFrameCallback(note);
  const ranges = [];
  for (let i = 0; i < buffer.buffered.length; i++) ranges.push([buffer.buffered.start(i), buffer.buffered.end(i)]);
  media.endOfStream();
  const ended = new Promise((done, failed) => {
    video.onended = done;
    video.onerror = () => failed(new Error(video.error.message));
  });
  video.currentTime = ranges[0][0];
  await video.play();
  await ended;
  return {ranges, shown, decoded: video.getVideoPlaybackQuality().totalVideoFrames, audio: video.webkitAudioDecodedByteCount};
}
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def play(page: Any, tracks: list[Track], packets: list[Packet], **options: bool) -> dict[str, Any]:
    remuxer = Remuxer(tracks, **options)  # type: ignore[arg-type]
    out = [each for packet in packets for each in remuxer.feed(packet.framed, packet.arrival)]
    muxed = taken_apart([*out, *remuxer.flush()])
    parts = [base64.b64encode(part.data).decode() for part in (muxed.inits[0], *muxed.fragments)]
    answer: dict[str, Any] = page.evaluate(PLAY, [muxed.inits[0].mime, parts, -EPOCH / 1e6])
    return answer


@pytest.mark.parametrize("sound", [None, Codec.PCMA, Codec.AAC, "absent"])
def test_a_stream_in_one_range(page: Any, sound: Codec | str | None) -> None:
    stream = encode(size=(320, 192))
    tracks, packets = [video_track(stream)], video_packets(stream)
    config, frames = aac()
    if sound is Codec.AAC:
        tracks.append(audio_track(Codec.AAC, config, 16000))
        heard = audio_packets([aac_payload(f) for f in frames], 1024, 16000, payload_type=98)
        packets = merged(packets, heard)
    elif sound is Codec.PCMA:
        tracks.append(audio_track(Codec.PCMA))
        packets = merged(packets, audio_packets(g711(Codec.PCMA, tone(16000)), 160, 8000, payload_type=8))
    elif sound is not None:
        tracks.append(audio_track(Codec.PCMU))
    played = play(page, tracks, packets)
    ((start, end),) = played["ranges"]
    assert start == pytest.approx(0, abs=0.001)
    assert end == pytest.approx(2, abs=0.25)  # sound ends up to a frame and the encoder's delay earlier
    assert played["decoded"] >= 30
    assert (played["audio"] > 0) == (sound is not None)


def test_a_pause_between_keyframes_loses_no_picture(page: Any) -> None:
    """Players drop pictures after a decode time that steps too far; ours does not step so."""
    stream = encode(size=(320, 192), gop=30)
    packets = [
        p._replace(timestamp=p.timestamp + 54000, arrival=p.arrival + 600_000) if p.timestamp >= 5 * 6000 else p
        for p in video_packets(stream)
    ]
    played = play(page, [video_track(stream)], packets)
    ((_, end),) = played["ranges"]
    assert end == pytest.approx(2.6, abs=0.01)
    assert played["decoded"] >= 30


def test_keyframes_alone_are_one_range(page: Any) -> None:
    stream = encode(size=(320, 192))
    played = play(page, [video_track(stream)], video_packets(stream), keyframes_only=True)
    assert len(played["ranges"]) == 1
    assert max(played["shown"]) == pytest.approx(4 / 3, abs=0.01)
