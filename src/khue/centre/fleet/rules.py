"""Which node pulls which camera. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import msgspec


class NodeLoad(msgspec.Struct, frozen=True):
    """A node as placement sees it. ``cameras`` counts all placed on it now; ``sites`` are the networks it reaches."""

    id: str
    sites: frozenset[str]
    capacity: int
    cameras: int
    alive: bool


class CameraPlace(msgspec.Struct, frozen=True):
    """A camera and the node it is on. ``site`` "" is reachable from every node."""

    id: str
    site: str
    node: str | None


class Move(msgspec.Struct, frozen=True):
    """Put ``camera`` on ``node``; None: no node can take it. ``reason`` is for a person."""

    camera: str
    node: str | None
    before: str | None
    reason: str


def reaches(node: NodeLoad, site: str) -> bool:
    """Whether a node is on the camera's network."""
    return not site or site in node.sites


def place(nodes: Sequence[NodeLoad], cameras: Iterable[CameraPlace], *, failover: bool = True) -> list[Move]:
    """The moves that are needed, and no other: a camera stays where it is while its node lives and reaches it.

    A camera goes to the live node on its network with the smallest share of its capacity in use. A camera on a dead node
    that nobody else can take stays, and is recorded again when its node is back. Balance is never forced. Without
    ``failover`` dead nodes keep their cameras: used while it is not certain that they are dead.
    """
    load = {node.id: node.cameras for node in nodes}
    known = {node.id: node for node in nodes}
    moves = []
    for camera in sorted(cameras, key=lambda camera: camera.id):
        present = known.get(camera.node) if camera.node is not None else None
        reason = _why_not(present, camera, failover)
        if reason is None:
            continue
        fit = [
            node
            for node in nodes
            if node.alive and node is not present and reaches(node, camera.site) and load[node.id] < node.capacity
        ]
        if fit:
            best = min(fit, key=lambda node: (load[node.id] / node.capacity, node.id))
            load[best.id] += 1
            if present is not None:
                load[present.id] -= 1
            moves.append(Move(camera.id, best.id, camera.node, reason))
        elif present is None:
            moves.append(Move(camera.id, None, camera.node, _nobody(nodes, camera.site)))
    return moves


def _why_not(present: NodeLoad | None, camera: CameraPlace, failover: bool) -> str | None:
    """Why the camera cannot stay; None when it can."""
    if present is None:
        return "first placement"
    if not present.alive:
        return f"node {present.id} is not heard of" if failover else None
    if not reaches(present, camera.site):
        return f"node {present.id} does not reach site {camera.site}"
    return None


def _nobody(nodes: Sequence[NodeLoad], site: str) -> str:
    where = f"site {site}" if site else "this camera"
    reaching = [node for node in nodes if reaches(node, site)]
    if not reaching:
        return f"no node reaches {where}; register one, or correct the camera's site"
    if not any(node.alive for node in reaching):
        return f"no node that reaches {where} is alive; start one of: {', '.join(node.id for node in reaching[:5])}"
    return f"every live node that reaches {where} is full; add a node or raise a capacity"


def fold(text: str) -> str:
    """For searching: lower case without marks, so that "hoa" finds "Hoà" and "Hòa", "duong" finds "Đường"."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).replace("đ", "d")
