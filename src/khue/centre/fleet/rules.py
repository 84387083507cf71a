"""Which node pulls which camera. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import filterfalse

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

    In an order in which each finds its room.

    A camera goes to the live node on its network with the smallest share of its capacity in use. A camera on a dead node
    that nobody else can take stays, and is recorded again when its node is back. Balance is never forced. Without
    ``failover`` dead nodes keep their cameras: used while it is not certain that they are dead.
    """
    load = {node.id: node.cameras for node in nodes}
    known = {node.id: node for node in nodes}
    moves: list[Move] = []
    waiting = []
    for camera in sorted(cameras, key=lambda camera: camera.id):
        reason = _why_not(known.get(camera.node) if camera.node is not None else None, camera, failover)
        if reason is not None:
            waiting.append((camera, reason))
    moved = -1
    while moved != len(moves):  # a camera that left may have made room for one that had none
        moved, full = len(moves), []
        for camera, reason in waiting:
            if (move := _move(nodes, load, camera, reason)) is None:
                full.append((camera, reason))
            else:
                moves.append(move)
        waiting = full
    moves += [
        Move(camera.id, None, camera.node, _nobody(nodes, camera.site))
        for camera, _ in waiting
        if camera.node is None or camera.node not in known
    ]
    return moves


def _move(nodes: Sequence[NodeLoad], load: dict[str, int], camera: CameraPlace, reason: str) -> Move | None:
    """To the node with the smallest share in use; ``load`` is kept. None when no other has room."""
    fit = [
        node
        for node in nodes
        if node.alive and node.id != camera.node and reaches(node, camera.site) and load[node.id] < node.capacity
    ]
    if not fit:
        return None
    best = min(fit, key=lambda node: (load[node.id] / node.capacity, node.id))
    load[best.id] += 1
    if camera.node in load:
        load[camera.node] -= 1
    return Move(camera.id, best.id, camera.node, reason)


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


def search_words(
    camera: str,
    name: str,
    *,
    code: str | None = "",
    address: str = "",
    vendor: str = "",
    model: str = "",
    serial: str = "",
    owner: str | None = "",
    unit: str | None = "",
) -> str:
    """What a search finds a camera by, folded; ``owner`` and ``unit`` are names."""
    return fold(" ".join(part for part in (name, code, address, vendor, model, serial, owner, unit, camera) if part))


def fold(text: str) -> str:
    """For searching: lower case without marks, so that "hoa" finds "Hoà" and "Hòa", "duong" finds "Đường"."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(filterfalse(unicodedata.combining, decomposed)).replace("đ", "d")
