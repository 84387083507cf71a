"""A certificate authority of one's own, in a folder: for a demo, a trial, or a city without one.

The authority is constrained: what it signs is believed only for the names it was made for and for private addresses, so that
whoever steals its key cannot pass for the rest of the Internet on the machines that trust it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from khue.model.errors import ConfigError

CA_DAYS = 730
CERTIFICATE_DAYS = 90
RENEW_DAYS = 30  # a certificate with less than that left is made anew
_EARLY = dt.timedelta(minutes=5)  # clocks of other machines may be behind
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fc00::/7")
_CA = "ca"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Shown(msgspec.Struct, frozen=True):
    """A certificate of the folder, as people read it."""

    name: str
    hosts: tuple[str, ...]
    not_before: dt.datetime
    not_after: dt.datetime
    sha256: str  # of its DER form, lower-case hexadecimal


class Authority:
    """The folder: ``ca.crt``, ``ca.key``, and ``NAME.crt``, ``NAME.key`` for each server. Keys have mode 0600."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def certificate_file(self) -> Path:
        """What clients have to trust."""
        return self.folder / f"{_CA}.crt"

    def files(self, name: str) -> tuple[Path, Path]:
        """(certificate with its authority's, key) of a server."""
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def create(self, hosts: Sequence[str]) -> None:
        """A new authority for these names and private addresses. Raises ConfigError when the folder holds one."""
        if self.certificate_file.exists():
            raise ConfigError(f"{self.folder} holds an authority already; `khue tls renew` makes new certificates")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "khue local authority")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLY)
            .not_valid_after(now + dt.timedelta(days=CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.NameConstraints(_permitted(hosts), None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(self.folder / f"{_CA}.key", _pem_key(key), 0o600)
        _write(self.certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def issue(self, name: str, hosts: Sequence[str]) -> None:
        """A certificate and a new key for the server called ``name``; what it had is replaced.

        Raises ConfigError: no authority here, or a host it may not sign for.
        """
        if name == _CA or not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(f"{name!r} cannot be the name of a certificate; use letters, digits, - and _")
        authority, signer = self._load()
        _check_hosts(authority, hosts)
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        until = min(now + dt.timedelta(days=CERTIFICATE_DAYS), authority.not_valid_after_utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"khue {name}"[:64])]))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLY)
            .not_valid_after(until)
            .add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
            .sign(signer, hashes.SHA256())
        )
        chain = [certificate, authority]
        crt, key_file = self.files(name)
        _write(key_file, _pem_key(key), 0o600)
        _write(crt, b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain), 0o644)

    def renew(self, *, everything: bool = False) -> list[str]:
        """Make anew what ends within RENEW_DAYS, or ``everything``; returns the names. Raises ConfigError."""
        limit = dt.datetime.now(dt.UTC) + dt.timedelta(days=RENEW_DAYS)
        old = [one for one in self.show() if one.name != _CA and (everything or one.not_after < limit)]
        for one in old:
            self.issue(one.name, one.hosts)
        return [one.name for one in old]

    def show(self) -> list[Shown]:
        """The authority first, then its servers by name. Raises ConfigError."""
        self._load()
        names = sorted(path.stem for path in self.folder.glob("*.crt") if path.stem != _CA)
        return [_shown(name, _certificate(self.folder / f"{name}.crt")) for name in (_CA, *names)]

    def _load(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        certificate = _certificate(self.certificate_file)
        try:
            key = serialization.load_pem_private_key((self.folder / f"{_CA}.key").read_bytes(), None)
        except (OSError, ValueError) as error:
            raise ConfigError(f"the authority's key in {self.folder} cannot be used: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigError(f"the authority's key in {self.folder} is not one that `khue tls init` made")
        if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
            raise ConfigError(
                f"the authority in {self.folder} has ended; make a new one in another folder and let clients trust it"
            )
        return certificate, key


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; `khue tls init` makes an authority") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not a certificate: {error}") from error


def _shown(name: str, certificate: x509.Certificate) -> Shown:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))
    except x509.ExtensionNotFound:
        hosts = ()
    digest = certificate.fingerprint(hashes.SHA256()).hex()
    return Shown(name, hosts, certificate.not_valid_before_utc, certificate.not_valid_after_utc, digest)


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _general(host: str) -> x509.GeneralName:
    address = _address(host)
    if address is not None:
        return x509.IPAddress(address)
    try:
        return x509.DNSName(host.lower())
    except ValueError as error:
        raise ConfigError(f"{host!r} is neither a host name nor an address") from error


def _permitted(hosts: Iterable[str]) -> list[x509.GeneralName]:
    """The names, what lies below them, and private networks; of public addresses exactly those given."""
    named = sorted({host.lower() for host in hosts if _address(host) is None} | {"localhost"})
    networks = [ipaddress.ip_network(network) for network in _PRIVATE]
    given = [ipaddress.ip_network(address) for host in hosts if (address := _address(host)) is not None]
    public = [one for one in given if not any(_inside(one.network_address, network) for network in networks)]
    return [*(x509.DNSName(name) for name in named), *(x509.IPAddress(network) for network in [*networks, *public])]


def _inside(address: Address, network: object) -> bool:
    return isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in network


def _check_hosts(authority: x509.Certificate, hosts: Sequence[str]) -> None:
    """Raises ConfigError: a certificate outside the constraints would be refused by every client, without saying why."""
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    if not hosts:
        raise ConfigError("a certificate is for at least one host; give --name")
    for host in hosts:
        address = _address(host)
        if address is not None:
            allowed = any(_inside(address, one.value) for one in permitted if isinstance(one, x509.IPAddress))
        else:
            names = [str(one.value) for one in permitted if isinstance(one, x509.DNSName)]
            allowed = any(host.lower() == name or host.lower().endswith(f".{name}") for name in names)
        if not allowed:
            raise ConfigError(
                f"this authority may not sign for {host}: it was made for other names; make one with --name {host}"
            )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace ``path`` whole; a key is never readable by others, not even for a moment."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    partial.replace(path)
