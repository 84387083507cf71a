"""Good messages for fuzzers to spoil: the recorded replies, and a stream of frames with replies among them."""

from __future__ import annotations

import struct
from pathlib import Path

REPLIES = Path(__file__).parent.parent / "unit" / "camera_replies"


def messages() -> list[bytes]:
    """Every recorded reply as bytes on the wire."""
    found = []
    for file in sorted(REPLIES.glob("*.txt")):
        for part in file.read_text().split(">>> ")[1:]:
            reply = part.partition("\n")[2]
            head, blank, body = reply.partition("\n\n")
            length = str(len(body.replace("\n", "\r\n")))
            for place, value in (("{cseq}", "3"), ("{length}", length), ("{early}", "")):
                head = head.replace(place, value)
            found.append((head + blank + body).replace("\n", "\r\n").encode())
    return found


def descriptions() -> list[bytes]:
    """The SDP of every make."""
    return [message.partition(b"\r\n\r\n")[2] for message in messages() if b"\r\nm=video" in message]


def challenges() -> list[str]:
    """Every WWW-Authenticate value."""
    lines = b"\r\n".join(messages()).decode().split("\r\n")
    return [line.partition(": ")[2] for line in lines if line.startswith("WWW-Authenticate")]


def rtp(sequence: int = 1, size: int = 30) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, sequence, 3000 * sequence, 7) + bytes(size)


def stream() -> bytes:
    """Interleaved frames with a reply among them."""
    frames = [b"$\0" + struct.pack("!H", len(rtp(n))) + rtp(n) for n in range(4)]
    return b"".join([*frames[:2], b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n", *frames[2:]])


def compound() -> bytes:
    """A sender report with a goodbye."""
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, 3_972_788_800, 1 << 31, 1000, 1, 1)
    return report + struct.pack("!BBHI", 0x81, 203, 1, 7)


URLS = [
    b"rtsp://admin:pa%20ss@10.0.0.1:554/user=a&password=b&channel=1",
    b"rtsp://u:p@ss/w@[fe80::1]:99/x?usr=1&pwd=2",
]
XML = [
    b'<a:E xmlns:a="http://schemas.xmlsoap.org/ws/2005/04/discovery"><a:ProbeMatch><a:XAddrs>http://h/'
    b"</a:XAddrs><a:Scopes>onvif://www.onvif.org/name/x</a:Scopes></a:ProbeMatch></a:E>"
]
CONVERSATION = (
    b"RTSP/1.0 200 OK\r\nPublic: GET_PARAMETER\r\n\r\n"
    b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="a", nonce="b"\r\n\r\n'
    b"RTSP/1.0 200 OK\r\nContent-Base: rtsp://c/x/\r\nContent-Length: 66\r\n\r\n"
    b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n      \r\n"
    b"RTSP/1.0 200 OK\r\nSession: 1;timeout=9\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"
    b"RTSP/1.0 200 OK\r\n\r\n$\0\0\x0c\x80aaaaaaaaaaa"
)
_TDS = b'xmlns:d="http://www.onvif.org/ver10/device/wsdl" xmlns:t="http://www.onvif.org/ver10/schema"'
OPEN = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    + _TDS
    + b"><s:Body><d:Manufacturer>M</d:Manufacturer>"
    b"<d:SerialNumber>S</d:SerialNumber><t:HwAddress>ac:cc:8e:01:02:03</t:HwAddress><t:UTCDateTime><t:Hour>9</t:Hour>"
    b"<t:Minute>1</t:Minute><t:Second>60</t:Second><t:Year>2026</t:Year><t:Month>11</t:Month><t:Day>18</t:Day>"
    b"</t:UTCDateTime></s:Body></s:Envelope>"
)
BANNERS = [
    OPEN,
    b'HTTP/1.1 401 No\r\nServer: App-webs/\r\nWWW-Authenticate: Digest realm="AXIS_ACCC8E010203", nonce="a"\r\n'
    b"Content-Length: %d\r\n\r\n" % len(OPEN) + OPEN,
    b"IP address HW type Flags HW address Mask Device\n10.0.0.7 0x1 0x2 3c:ef:8c:00:00:01 * eth0\n",
]
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xff\xc0\0\x0b\x08\1\x6b\2\x81\1\1\x11\0"
SEEDS: dict[str, list[bytes]] = {
    "rtsp": messages(),
    "sdp": descriptions(),
    "interleaved": [stream()],
    "rtp": [rtp(), compound()],
    "sequences": [bytes(range(64))],
    "auth": [challenge.encode() for challenge in challenges()],
    "urls": URLS,
    "discovery": XML,
    "banners": BANNERS,
    "jpeg": [JPEG],
    "handshake": [CONVERSATION],
}
