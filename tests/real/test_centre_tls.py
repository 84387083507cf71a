"""https and a message bus that speaks TLS only, with certificates made on the spot."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from pathlib import Path

import httpx
import msgspec
import pytest
from centre_world import FakeNode, World
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from khue.centre.config import ListenConfig
from khue.model.errors import ConfigError, LinkError
from khue.store.engines import Engines, EngineSettings
from khue.store.nats import NatsBus


def _certificate(directory: Path, name: str) -> tuple[str, str]:
    """(certificate, key) files; self-signed, so that it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / f"{name}.crt", directory / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password))
    return str(paths[0]), str(paths[1])


async def test_everything_over_tls() -> None:
    with tempfile.TemporaryDirectory(prefix="khue-test-") as directory:
        root = Path(directory)
        root.chmod(0o755)
        certificate, key = _certificate(root, "localhost")
        here = World(root / "data")
        here.engines = Engines(EngineSettings(data_dir=root / "data", bus_tls_cert=certificate, bus_tls_key=key))
        listen = ListenConfig(port=0, tls_cert=certificate, tls_key=key)
        here.config = msgspec.structs.replace(here.config, listen=listen)
        await here.engines.start()
        await here.start_centre()
        try:
            await _https(here, certificate)
            await _node(here, certificate)
            with pytest.raises(ConfigError, match="already runs its engines"):
                await Engines(EngineSettings(data_dir=root / "data")).start()
        finally:
            await here.stop()


async def _https(here: World, certificate: str) -> None:
    assert here.centre.url.startswith("https://")
    trust = ssl.create_default_context(cafile=certificate)
    async with httpx.AsyncClient(base_url=here.centre.url.replace("127.0.0.1", "localhost"), verify=trust) as client:
        credentials = {"username": "admin", "password": here.password}
        reply = await client.post("/api/v1/session", json=credentials)
        assert "Secure" in reply.headers["set-cookie"]
        assert reply.headers["strict-transport-security"]
        assert (await client.get("/api/v1/session")).status_code == 200


async def _node(here: World, certificate: str) -> None:
    url = here.engines.bus_url.replace("127.0.0.1", "localhost")
    assert url.startswith("tls://")
    token = await here.centre.enrol("far", ["s"])
    node = FakeNode(url, "far", token)
    node.bus = NatsBus(url, name="far", seed=token, ca_file=certificate)
    await node.start()
    assert node.desired
    await node.stop()
    distrustful = NatsBus(url, name="far", seed=token)
    distrustful.start()
    with pytest.raises(LinkError):
        await distrustful.wait_connected(1)
    await distrustful.close()
    with pytest.raises(ConfigError, match="certificate file"):
        NatsBus(url, name="far", ca_file="/nonexistent.pem")
