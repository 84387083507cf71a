"""A GStreamer RTSP server on an ephemeral loopback port, as a camera nobody here wrote.

Run with Debian's Python: ``/usr/bin/python3 gst_rtsp_server.py --codec h264 [--audio pcma|aac] [--auth basic|digest]
[--transports tcp,udp] [--tls CERT KEY]``. Prints its port on one line when it listens; ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

VIDEO = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=30 ! rtph264pay name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=30 ! rtph265pay name=pay0 pt=96",
}
AUDIO = {
    "": "",
    "pcma": " audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8",
    "pcmu": " audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0",
    "aac": " audiotestsrc is-live=true ! audio/x-raw,rate=16000,channels=1 ! voaacenc ! rtpmp4gpay name=pay1 pt=97",
}
TRANSPORTS = {"tcp": GstRtsp.RTSPLowerTrans.TCP, "udp": GstRtsp.RTSPLowerTrans.UDP}
USER, PASSWORD = "camera", "s3cret pass"


def factory(arguments: argparse.Namespace) -> GstRtspServer.RTSPMediaFactory:
    made = GstRtspServer.RTSPMediaFactory()
    size = f"video/x-raw,width={arguments.width},height={arguments.height},framerate={arguments.rate}/1"
    made.set_launch(f"( videotestsrc is-live=true ! {size} ! {VIDEO[arguments.codec]}{AUDIO[arguments.audio]} )")
    made.set_shared(True)
    protocols = GstRtsp.RTSPLowerTrans(0)
    for name in arguments.transports.split(","):
        protocols |= TRANSPORTS[name]
    made.set_protocols(protocols)
    return made


def authentication(arguments: argparse.Namespace, made: GstRtspServer.RTSPMediaFactory) -> GstRtspServer.RTSPAuth:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    if arguments.auth == "basic":
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
    elif arguments.auth == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(USER, PASSWORD, token)
    else:
        anonymous = GstRtspServer.RTSPToken()
        anonymous.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "anonymous")
        auth.set_default_token(anonymous)
    structure = Gst.Structure.new_empty("anonymous" if arguments.auth == "none" else "user")
    structure.set_value(GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    structure.set_value(GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role_from_structure(structure)
    made.set_permissions(permissions)
    if arguments.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*arguments.tls))
    return auth


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--codec", choices=sorted(VIDEO), default="h264")
    parser.add_argument("--audio", choices=sorted(AUDIO), default="")
    parser.add_argument("--auth", choices=("none", "basic", "digest"), default="none")
    parser.add_argument("--transports", default="tcp,udp")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=240)
    parser.add_argument("--rate", type=int, default=15)
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    made = factory(arguments)
    if arguments.auth != "none" or arguments.tls:
        server.set_auth(authentication(arguments, made))
    server.get_mount_points().add_factory("/live", made)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
