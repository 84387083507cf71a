"""The RTSP client against Debian's GStreamer server, which nobody here wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from camera_peer import PASSWORD, USER, gstreamer, receive

from khue.camera.control import PasswordRefused
from khue.camera.probe import probe
from khue.camera.session import open_session
from khue.model.camera import Transport
from khue.model.errors import CameraError, CameraRefused
from khue.model.media import Codec
from khue.wire.link import ProbeRequest

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
@pytest.mark.parametrize(
    ("codec", "audio", "expected"),
    [("h264", "pcma", [Codec.H264, Codec.PCMA]), ("h265", "aac", [Codec.H265, Codec.AAC])],
)
async def test_video_and_sound_arrive_whole(
    transport: Transport, codec: str, audio: str, expected: list[Codec]
) -> None:
    with gstreamer("--codec", codec, "--audio", audio) as port:
        session = await open_session(f"rtsp://127.0.0.1:{port}/live", "", "", transport=transport)
        try:
            assert [track.codec for track in session.tracks] == expected
            assert session.transport is transport and session.tracks[0].parameter_sets
            session.sock.send(session.keepalive())
            received = await receive(session, replies=1)
            assert received.garbage == 0
            assert all(counter.lost == 0 for counter in received.sequences.values())
            assert received.packets[session.tracks[1].channel] > 0
        finally:
            session.sock.send(session.teardown())
            session.close()


@pytest.mark.parametrize("method", ["basic", "digest"])
async def test_passwords(method: str) -> None:
    with gstreamer("--auth", method) as port:
        url = f"rtsp://127.0.0.1:{port}/live"
        session = await open_session(url, USER, PASSWORD)
        await receive(session, frames=3)
        session.close()
        session = await open_session(f"rtsp://{USER}:s3cret%20pass@127.0.0.1:{port}/live", "", "")
        session.close()
        with pytest.raises(PasswordRefused, match=f"401 with {method}.*password refused"):
            await open_session(url, USER, "wrong")
        with pytest.raises(PasswordRefused, match="none is set"):
            await open_session(url, "", "")


async def test_udp_where_tcp_is_refused() -> None:
    with gstreamer("--transports", "udp") as port:
        url = f"rtsp://127.0.0.1:{port}/live"
        session = await open_session(url, "", "")
        assert session.transport is Transport.UDP
        await receive(session, frames=5)
        session.close()
    with gstreamer("--transports", "tcp") as port, pytest.raises(CameraRefused, match="461"):
        await open_session(f"rtsp://127.0.0.1:{port}/live", "", "", transport=Transport.UDP)


async def test_tls(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with gstreamer("--tls", certificate, key) as port:
        session = await open_session(f"rtsps://127.0.0.1:{port}/live", "", "")
        session.sock.send(session.keepalive())
        received = await receive(session, frames=10, replies=1)
        assert received.garbage == 0
        session.close()
        with pytest.raises(CameraError, match="certificate is not trusted"):
            await open_session(f"rtsps://127.0.0.1:{port}/live", "", "", tls_verify=True)
        with pytest.raises(CameraError, match=r"127\.0\.0\.1"):
            await open_session(f"rtsp://127.0.0.1:{port}/live", "", "", reply_timeout_s=2)


async def test_a_wrong_path_is_said() -> None:
    with gstreamer() as port, pytest.raises(CameraRefused, match="404 Not Found; there is no such stream"):
        await open_session(f"rtsp://127.0.0.1:{port}/other", "", "")


async def test_probe_tells_what_it_is() -> None:
    with gstreamer("--auth", "digest", "--audio", "pcmu", "--rate", "10") as port:
        url = f"rtsp://{USER}:s3cret%20pass@127.0.0.1:{port}/live"
        sets: list[bytes] = []
        reply = await probe(ProbeRequest(url=url), sps_size=lambda codec, sps: sets.append(sps) or (320, 240))
        assert reply.reachable and not reply.error and not reply.onvif
        (stream,) = reply.streams
        assert (stream.codec, stream.width, stream.height, stream.audio) == ("h264", 320, 240, "pcmu")
        assert stream.transport == "tcp" and stream.frame_rate == pytest.approx(10, rel=0.2) and stream.kbps > 0
        assert stream.url == f"rtsp://127.0.0.1:{port}/live" and sets[0][0] & 0x1F == 7
        # Without ONVIF the clock is read off a sender report, and a busy server may send none while the probe lasts.
        assert reply.clock_offset_s is None or abs(reply.clock_offset_s) < 5
        reply = await probe(ProbeRequest(url=f"rtsp://127.0.0.1:{port}/live", username=USER, password="wrong"))
        assert reply.reachable and "password refused" in reply.error and "check the user name" in reply.remedy
        assert reply.streams == ()


def self_signed(folder: Path) -> tuple[str, str]:
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")
