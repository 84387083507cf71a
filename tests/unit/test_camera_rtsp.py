"""RTSP messages as the standard and as cameras write them."""

from __future__ import annotations

import pytest

from khue.camera.rtsp import MAX_HEADER, build_request, parse_message, parse_session
from khue.camera.transport import offer_tcp, offer_udp, parse_transport
from khue.model.errors import CameraProtocolError

REPLY = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbody"


def test_a_reply_is_read_once_it_is_whole() -> None:
    for cut in range(len(REPLY)):
        assert parse_message(REPLY[:cut]) is None
    parsed = parse_message(b"xx" + REPLY + b"$\0", 2)
    assert parsed is not None
    message, end = parsed
    assert (message.status, message.reason, message.cseq, message.body) == (200, "OK", 3, b"body")
    assert end == 2 + len(REPLY) and message.ok


@pytest.mark.parametrize(
    "data",
    [
        b"RTSP/1.0 200 OK\ncseq: 7\n\n",
        b"\r\n\r\nRTSP/1.0 200\r\nCSEQ:7\r\n\r\n",
        b"rtsp/1.0  200  Okay then \r\r\nCSeq : 7\r\n\n",
        b"RTSP/1.0 200 OK\r\nnonsense line\r\n: empty\r\nCSeq:\r\n 7\r\n\r\n",
    ],
)
def test_odd_spellings(data: bytes) -> None:
    parsed = parse_message(data)
    assert parsed is not None and parsed[0].status == 200 and parsed[0].cseq == 7 and parsed[1] == len(data)


def test_headers_fold_repeat_and_ignore_case() -> None:
    parsed = parse_message(b"RTSP/1.0 401 No\r\nWWW-Authenticate: a,\r\n\t b\r\nwww-authenticate: c\r\n\r\n")
    assert parsed is not None
    headers = parsed[0].headers
    assert headers.all("Www-Authenticate") == ("a, b", "c")
    assert headers.get("WWW-AUTHENTICATE") == "a, b" and "www-authenticate" in headers
    assert headers.get("CSeq", "none") == "none" and len(headers) == 2
    assert parsed[0].cseq is None


def test_a_carriage_return_inside_a_header_cannot_forge_another() -> None:
    parsed = parse_message(b"RTSP/1.0 200 OK\r\nX: a\rY: b\r\n\r\n")
    assert parsed is not None and parsed[0].headers.get("X") == "a Y: b"


def test_a_request_of_the_camera() -> None:
    parsed = parse_message(b"ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    assert parsed is not None and parsed[0].method == "ANNOUNCE" and not parsed[0].ok


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "answered HTTP"),
        (b"\x00\x01garbage\r\n\r\n", "no RTSP message at byte 0"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "not one number"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: \xc2\xb2\r\n\r\n", "not one number"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 300000\r\n\r\n", "at most 262144"),
        (b"RTSP/1.0 200 OK\r\n" + b"a: b\r\n" * 200, "more than 100 header lines"),
        (b"R" * (MAX_HEADER + 1), "headers longer than"),
    ],
)
def test_what_is_no_message(data: bytes, words: str) -> None:
    with pytest.raises(CameraProtocolError, match=words):
        parse_message(data)


def test_requests() -> None:
    assert build_request("PLAY", "rtsp://h/x", 5, [("Session", "a")]) == (
        b"PLAY rtsp://h/x RTSP/1.0\r\nCSeq: 5\r\nUser-Agent: khue\r\nSession: a\r\n\r\n"
    )
    for url, header in (("rtsp://h/a b", "x"), ("rtsp://h/\r\nX: y", "x"), ("rtsp://h/", "x\r\nY: z")):
        with pytest.raises(ValueError, match="line break or space"):
            build_request("PLAY", url, 1, [("X", header)])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1234;timeout=90", ("1234", 90.0)),
        ("1234 ; Timeout = 30", ("1234", 30.0)),
        ("1234", ("1234", 60.0)),
        ("1234;timeout=0", ("1234", 60.0)),
        ("1234;timeout=soon", ("1234", 60.0)),
        ("", ("", 60.0)),
    ],
)
def test_sessions(value: str, expected: tuple[str, float]) -> None:
    assert parse_session(value) == expected


def test_transports() -> None:
    assert offer_tcp(2) == "RTP/AVP/TCP;unicast;interleaved=2-3"
    assert offer_udp(5000) == "RTP/AVP;unicast;client_port=5000-5001"
    tcp = parse_transport('RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=0x1F2e;mode="PLAY"')
    assert tcp.tcp and tcp.interleaved == (4, 5) and tcp.ssrc == 0x1F2E
    udp = parse_transport("RTP/AVP/UDP;unicast;SOURCE=10.0.0.2;client_port=1-2;server_port=6970,RTP/AVP/TCP")
    assert not udp.tcp and udp.server_port == (6970, 6971) and udp.source == "10.0.0.2"
    for odd in (
        "",
        ";;;=",
        "RTP/AVP;interleaved=300-301;server_port=x-y;source=0.0.0.0;ssrc=zz",
        "a;source=evil.example",
    ):
        assert parse_transport(odd) == (False, None, None, None, "", None)
