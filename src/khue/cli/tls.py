"""``khue tls init|issue|renew|show``: certificates for a centre, its message bus and its nodes, without buying any."""

from __future__ import annotations

import datetime as dt
import socket
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from khue.cli.authority import CA_DAYS, CERTIFICATE_DAYS, Authority
from khue.cli.camera import as_json

HERE = ("localhost", "127.0.0.1", "::1")
_SERVERS = ("centre", "nats")
_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def tls() -> None:
    """Certificates from an authority of one's own."""


@tls.command()
@_folder
@click.option(
    "--name", "names", multiple=True, metavar="HOST", help="A name or address of the centre; several may be given."
)
def init(folder: Path, names: tuple[str, ...]) -> None:
    """Make an authority in FOLDER, and certificates for the centre and its NATS."""
    hosts = tuple(dict.fromkeys((*names, *HERE, *_own_name())))
    authority = Authority(folder)
    authority.create(hosts)
    for server in _SERVERS:
        authority.issue(server, hosts)
    where = folder.absolute()
    click.echo(
        f"made an authority ({CA_DAYS // 365} years) and certificates ({CERTIFICATE_DAYS} days) for {', '.join(hosts)}.\n"
        f"{configuration(where)}\n"
        f"Nodes learn the authority when they enrol. For the other commands: khue login URL --ca {where}/ca.crt\n"
        f"For browsers: take {where}/ca.crt into the system's or the browser's authorities. Keep {where}/ca.key to yourself."
    )


@tls.command()
@_folder
@click.argument("server")
@click.option("--name", "names", multiple=True, required=True, metavar="HOST", help="A name or address of that server.")
def issue(folder: Path, server: str, names: tuple[str, ...]) -> None:
    """Make a certificate called SERVER, e.g. for a node's own server on its network."""
    authority = Authority(folder)
    authority.issue(server, names)
    click.echo(" ".join(str(path.absolute()) for path in authority.files(server)))


@tls.command()
@_folder
@click.option("--all", "everything", is_flag=True, help="Also those that are good for longer.")
def renew(folder: Path, everything: bool) -> None:
    """Make certificates anew that end within 30 days; restart what uses them."""
    made = Authority(folder).renew(everything=everything)
    click.echo(f"made anew: {', '.join(made)}; restart what uses them" if made else "nothing ends soon")


@tls.command()
@_folder
@click.option("--json", "json_out", is_flag=True)
def show(folder: Path, json_out: bool) -> None:
    """What is in FOLDER, for whom, and until when."""
    found = Authority(folder).show()
    if json_out:
        as_json(found)
        return
    table = Table("Certificate", "For", "Until", "Days left", "SHA-256")
    now = dt.datetime.now(dt.UTC)
    for one in found:
        left = (one.not_after - now).days
        table.add_row(one.name, ", ".join(one.hosts), f"{one.not_after:%Y-%m-%d}", str(left), one.sha256)
    Console().print(table)


def configuration(folder: Path) -> str:
    """The lines of the centre's file that make it use the certificates."""
    return "\n".join(
        (
            "[listen]",
            f'tls_cert = "{folder}/centre.crt"',
            f'tls_key = "{folder}/centre.key"',
            f'tls_ca = "{folder}/ca.crt"',
            "[bus]",
            f'tls_cert = "{folder}/nats.crt"',
            f'tls_key = "{folder}/nats.key"',
            f'ca_file = "{folder}/ca.crt"',
        )
    )


def _own_name() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return (name,) if name.replace("-", "").replace(".", "").isalnum() else ()
