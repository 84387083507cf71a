"""Certificates of one's own authority: what clients accept, what they refuse, and how they are renewed."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from khue.cli.authority import Authority
from khue.model.errors import ConfigError
from khue.run import khue


async def _greet(files: tuple[Path, Path], ca: Path, name: str) -> str:
    """What a client that trusts ``ca`` says of a server with these files, when it knows it by ``name``: "" is fine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        trust = ssl.create_default_context(cafile=str(ca))
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
        writer.close()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        server.close()
        await server.wait_closed()
    return ""


async def test_clients_accept_what_it_signs_for_its_names_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    authority.create(["centre.example"])
    authority.issue("centre", ["centre.example", "a.centre.example", "127.0.0.1", "192.168.7.7"])
    files, ca = authority.files("centre"), authority.certificate_file
    for name in ("centre.example", "a.centre.example", "127.0.0.1", "192.168.7.7"):
        assert await _greet(files, ca, name) == "", name
    assert "mismatch" in await _greet(files, ca, "elsewhere.example")
    stranger = Authority(tmp_path / "other")
    stranger.create(["centre.example"])
    assert await _greet(files, stranger.certificate_file, "centre.example") != ""


async def test_a_stolen_authority_does_not_speak_for_the_world(tmp_path: Path) -> None:
    """Its key signs a certificate for somebody else's name; clients that trust the authority refuse it."""
    authority = Authority(tmp_path)
    authority.create(["centre.example"])
    for host in ("bank.example", "8.8.8.8", "notcentre.example"):
        with pytest.raises(ConfigError, match="may not sign for"):
            authority.issue("thief", [host])
    ca = x509.load_pem_x509_certificate(authority.certificate_file.read_bytes())
    signer = serialization.load_pem_private_key((tmp_path / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bank")]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    files = tmp_path / "forged.pem", tmp_path / "forged.key"
    files[0].write_bytes(forged.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    assert "permitted subtree violation" in await _greet(files, authority.certificate_file, "bank.example")


def test_keys_are_their_owner_s_and_certificates_end(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    made = CliRunner().invoke(khue, ["tls", "init", str(folder), "--name", "centre.example"])
    assert made.exit_code == 0, made.output
    assert "tls_ca" in made.output
    for key in folder.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    shown = {one.name: one for one in Authority(folder).show()}
    assert set(shown) == {"ca", "centre", "nats"}
    assert {"centre.example", "localhost", "127.0.0.1", "::1"} <= set(shown["centre"].hosts)
    assert socket.gethostname().lower() in shown["centre"].hosts
    now = dt.datetime.now(dt.UTC)
    assert shown["centre"].not_after - now < dt.timedelta(days=90)
    assert dt.timedelta(days=729) < shown["ca"].not_after - now < dt.timedelta(days=731)
    again = CliRunner().invoke(khue, ["tls", "init", str(folder)])
    assert isinstance(again.exception, ConfigError)


def test_renewing_keeps_names_and_changes_keys(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.create(["centre.example"])
    authority.issue("centre", ["centre.example", "10.1.2.3"])
    before = authority.files("centre")[1].read_bytes()
    assert authority.renew() == []
    assert authority.files("centre")[1].read_bytes() == before
    assert authority.renew(everything=True) == ["centre"]
    assert authority.files("centre")[1].read_bytes() != before
    assert [one.hosts for one in authority.show()][1] == ("centre.example", "10.1.2.3")


def test_commands_say_what_is_wrong(tmp_path: Path) -> None:
    run = CliRunner()
    assert "tls init" in str(run.invoke(khue, ["tls", "show", str(tmp_path)]).exception)
    run.invoke(khue, ["tls", "init", str(tmp_path)])
    issued = run.invoke(khue, ["tls", "issue", str(tmp_path), "node-7", "--name", "192.168.7.9"])
    assert issued.output.split() == [str(tmp_path / "node-7.crt"), str(tmp_path / "node-7.key")]
    assert "node-7" in run.invoke(khue, ["tls", "show", str(tmp_path), "--json"]).output
    for name in ("ca", "../x", "a/b", ""):
        bad = run.invoke(khue, ["tls", "issue", str(tmp_path), name, "--name", "localhost"])
        assert isinstance(bad.exception, ConfigError), name
    assert not list(tmp_path.parent.glob("x.*"))
