"""Recording with GStreamer: one process, a pipeline per camera into a fragmented MP4 file.

Runs under Debian's own Python (its GObject bindings), so it imports nothing of this project. Started as
``/usr/bin/python3 gstreamer.py FOLDER h264|h265`` with the cameras (JSON) on standard input; ends on SIGTERM.
"""

from __future__ import annotations

import ctypes
import json
import resource
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

STARTS_EVERY_MS = 20
PIPELINE = (
    "rtspsrc name=src protocols=tcp latency=0 ! rtp{codec}depay ! {codec}parse !"
    " mp4mux fragment-duration=1000 streamable=true ! filesink name=out"
)


def main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    folder, codec = sys.argv[1], sys.argv[2]
    cameras = json.load(sys.stdin)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Gst.init(None)
    loop = GLib.MainLoop()
    pipelines: list[Gst.Pipeline] = []

    def start_one() -> bool:
        number = len(pipelines)
        _, url, username, password = cameras[number]
        pipeline = Gst.parse_launch(PIPELINE.format(codec=codec))
        source = pipeline.get_by_name("src")
        source.set_property("location", url)
        source.set_property("user-id", username)
        source.set_property("user-pw", password)
        pipeline.get_by_name("out").set_property("location", f"{folder}/{number}.mp4")
        pipeline.set_state(Gst.State.PLAYING)
        pipelines.append(pipeline)
        return len(pipelines) < len(cameras)

    def stop() -> bool:
        for pipeline in pipelines:
            pipeline.send_event(Gst.Event.new_eos())
        GLib.timeout_add(1500, loop.quit)
        return False

    GLib.timeout_add(STARTS_EVERY_MS, start_one)
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGTERM, stop)
    loop.run()
    for pipeline in pipelines:
        pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    main()
