"""Every subject of the node-centre link, and what a node's credentials allow.

A node may only publish under its own name, so the subjects it asks the centre on end in its id: the server's
permissions, not the message's content, say who is speaking. Ids are single words: ``is_word``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

JOINS = "khue.centre.join.*"
HEARTBEATS = "khue.centre.heartbeat.*"
EVENTS = "khue.events.*"


def is_word(text: str) -> bool:
    """Whether ``text`` may be an id: one word of a subject, 1 to 64 letters, digits, ``-`` and ``_``."""
    return _WORD.fullmatch(text) is not None


def speaker(subject: str) -> str:
    """The node a message on JOINS, HEARTBEATS or EVENTS came from: the last word."""
    return subject.rpartition(".")[2]


def join(node: str) -> str:
    return f"khue.centre.join.{node}"


def heartbeat(node: str) -> str:
    return f"khue.centre.heartbeat.{node}"


def events(node: str) -> str:
    return f"khue.events.{node}"


def of_node(node: str, what: str) -> str:
    """``what`` is desired, live, end, read, snapshot, coverage, probe, scan or password."""
    return f"khue.node.{node}.{what}"


def live(node: str, camera: str, stream: str) -> str:
    return f"khue.live.{node}.{camera}.{stream}"


def read_inbox(node: str, read: str) -> str:
    """Where the chunks of one read go; its reader chooses ``read``."""
    return f"khue.read.{node}.{read}"


def credit(inbox: str) -> str:
    """Where the reader of a read says how many more chunks it takes."""
    return f"{inbox}.credit"


def answers(node: str) -> str:
    """Prefix of the inboxes a node's requests are answered on; nobody else may listen there."""
    return f"_INBOX.{node}"


class Permissions(NamedTuple):
    """Subject patterns; a node also may answer, once, each request it was sent."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def node_permissions(node: str) -> Permissions:
    """Exactly what the link needs: a node's credentials, stolen, give no other node's voice or ear."""
    return Permissions(
        publish=(join(node), heartbeat(node), events(node), f"khue.live.{node}.>", f"khue.read.{node}.>"),
        subscribe=(f"khue.node.{node}.>", credit(f"khue.read.{node}.*"), f"{answers(node)}.>"),
    )
