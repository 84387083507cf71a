"""The tree over the audit log as it is stored: leaves, roots of its subtrees of 256, 65,536 ..., and proofs from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from khue.centre.ports import Statements
from khue.centre.sql import Queries
from khue.model.errors import AuditError, NotFound
from khue.model.merkle import SIZE, Frontier, Range, Subtree, consistency_path, cover, hash_of, inclusion_path, root_of

_SQL = Queries(__file__)
_STEP = 8  # levels between those stored
STORED_LEVELS = frozenset(range(_STEP, 64, _STEP))


async def stored_edge(session: Statements) -> Frontier:
    """The right edge as the last commit left it. Raises AuditError when it contradicts itself."""
    row = await session.fetchrow(_SQL["read_tree"])
    if row is None:
        raise AuditError("the audit log has lost its tree")
    try:
        return Frontier(row["size"], row["edge"])
    except ValueError as error:
        raise AuditError(f"the audit log's tree was tampered with: {error}") from error


async def stored_leaves(session: Statements, first: int, end: int) -> bytes:
    """Leaf hashes of entries ``first`` to ``end`` - 1, one after the other. Raises AuditError when some are missing."""
    if first >= end:
        return b""
    parts, at = [], first
    for row in await session.fetch(_SQL["leaves"], first, end):
        begins, hashes = row["first"], row["leaves"]
        ends = begins + len(hashes) // SIZE
        if begins > at:
            break
        upto = min(ends, end)
        parts.append(hashes[(at - begins) * SIZE : (upto - begins) * SIZE])
        at = max(at, upto)
    if at != end:
        raise AuditError(f"the tree's own record of entry {at} is missing")
    return b"".join(parts)


async def subtree_hashes(session: Statements, wanted: Iterable[Subtree]) -> dict[Subtree, bytes]:
    """Hashes of complete subtrees, each from at most 255 of those stored. Raises AuditError when some are missing."""
    found = {}
    for subtree in set(wanted):
        base = subtree.level // _STEP * _STEP
        count = 1 << (subtree.level - base)
        first = subtree.place * count
        if base == 0:
            row = await stored_leaves(session, first, first + count)
        else:
            row = b"".join([node["hash"] for node in await session.fetch(_SQL["nodes"], base, first, first + count)])
            if len(row) != count * SIZE:
                raise AuditError(f"hashes of level {base} of the audit log's tree are missing from {first} on")
        found[subtree] = root_of(row)
    return found


async def edge_at(session: Statements, size: int) -> Frontier:
    """The right edge when the log had ``size`` entries, from what is stored."""
    parts = cover(0, size)
    hashes = await subtree_hashes(session, parts)
    return Frontier(size, [hashes[part] for part in parts])


async def inclusion_proof(session: Statements, seq: int, size: int) -> list[bytes]:
    """That entry ``seq`` is in the log of ``size``. Raises NotFound, AuditError."""
    try:
        path = inclusion_path(seq, size)
    except ValueError as error:
        raise NotFound(str(error)) from error
    return await _path_hashes(session, path)


async def consistency_proof(session: Statements, old: int, size: int) -> list[bytes]:
    """That nothing before ``old`` was changed since. Raises NotFound, AuditError."""
    try:
        path = consistency_path(old, size)
    except ValueError as error:
        raise NotFound(str(error)) from error
    return await _path_hashes(session, path)


async def _path_hashes(session: Statements, path: Sequence[Range]) -> list[bytes]:
    hashes = await subtree_hashes(session, [part for stretch in path for part in cover(*stretch)])
    return [hash_of(stretch, hashes.__getitem__) for stretch in path]
