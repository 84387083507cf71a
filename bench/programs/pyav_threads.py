"""Recording with PyAV as one would write it: a thread per camera that remuxes into a fragmented MP4 file.

Started as ``python -m bench.programs.pyav_threads FOLDER`` with the cameras (JSON) on standard input; ends on SIGTERM.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import threading
from pathlib import Path

import av
from av.error import FFmpegError

from bench.programs.parent import die_with_parent

STARTS = 8  # opening a stream probes it, which costs more than recording it: not all at once
_INPUT = {"rtsp_transport": "tcp"}
_OUTPUT = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def record(url: str, path: Path, opening: threading.Semaphore, stopping: threading.Event) -> None:
    """One camera, until told to stop."""
    try:
        with opening:
            source = av.open(url, options=_INPUT, timeout=10)
        with source, av.open(str(path), "w", format="mp4", options=_OUTPUT) as output:
            stream = source.streams.video[0]
            copy = output.add_stream_from_template(stream)
            started = False
            for packet in source.demux(stream):
                if stopping.is_set():
                    break
                started = started or packet.is_keyframe
                if started and packet.dts is not None:
                    packet.stream = copy
                    output.mux(packet)
    except FFmpegError as error:
        print(f"{path.name}: {error}", file=sys.stderr, flush=True)


def main() -> None:
    die_with_parent()
    folder = Path(sys.argv[1])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(1 << 20)
    opening, stopping = threading.Semaphore(STARTS), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threads = []
    for number, (_, url, username, password) in enumerate(json.load(sys.stdin)):
        url = url.replace("://", f"://{username}:{password}@", 1)
        arguments = (url, folder / f"{number}.mp4", opening, stopping)
        threads.append(threading.Thread(target=record, args=arguments))
        threads[-1].start()
    stopping.wait()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
