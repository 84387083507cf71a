"""Merkle trees over a log: roots, proofs of inclusion and of consistency (RFC 9162, section 2.1). Pure.

Every hash is 32 bytes of SHA-256. A *subtree* is one that is complete: ``level`` n holds 2**n leaves, the first at
``place`` << n. Ranges of leaves are half open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

SIZE = 32  # bytes of a hash
EMPTY_ROOT = sha256(b"").digest()


class Subtree(NamedTuple):
    """A complete one; level 0 is a leaf."""

    level: int
    place: int

    @property
    def first(self) -> int:
        return self.place << self.level

    @property
    def end(self) -> int:
        return (self.place + 1) << self.level


class Range(NamedTuple):
    """Leaves ``first`` to ``end`` - 1; as far as proofs have it, it begins where a subtree of its size could."""

    first: int
    end: int


def leaf_hash(data: bytes) -> bytes:
    """Of an entry's bytes."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: one hash for each bit of its size, which is all that appending needs."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Raises ValueError when there are not as many hashes as the size has bits, or one is not 32 bytes."""
        if size < 0 or len(hashes) != size.bit_count() or any(len(value) != SIZE for value in hashes):
            raise ValueError(
                f"a tree of {size} leaves has {max(size, 0).bit_count()} hashes of {SIZE} bytes at its edge"
            )
        self.size = size
        self._stack = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """From the largest subtree to the smallest."""
        return tuple(self._stack)

    def append(self, leaf: bytes, made: Callable[[Subtree, bytes], None] | None = None) -> None:
        """Add one leaf; ``made`` is told of every subtree above the leaves that this completes."""
        self.push(0, leaf, made)

    def push(self, level: int, value: bytes, made: Callable[[Subtree, bytes], None] | None = None) -> None:
        """Add a whole subtree. Raises ValueError where none of its size can begin."""
        if self.size & ((1 << level) - 1):
            raise ValueError(f"no subtree of {1 << level} leaves begins at leaf {self.size}")
        size, stack = self.size >> level, self._stack
        while size & 1:
            value = sha256(b"\1" + stack.pop() + value).digest()
            size >>= 1
            level += 1
            if made is not None:
                made(Subtree(level, size), value)
        stack.append(value)
        self.size = (size + 1) << level

    def root(self) -> bytes:
        return fold(self._stack)


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over subtrees of falling size, as they stand at a right edge."""
    if not hashes:
        return EMPTY_ROOT
    value = hashes[-1]
    for left in reversed(hashes[:-1]):
        value = node_hash(left, value)
    return value


def root_of(leaves: bytes | bytearray | memoryview, count: int | None = None) -> bytes:
    """The root over ``count`` leaf hashes that stand one after the other. Raises ValueError for half a hash."""
    given = len(leaves) // SIZE
    count = given if count is None else count
    if len(leaves) % SIZE or count > given:
        raise ValueError(f"{len(leaves)} bytes are not {count} hashes")
    if not count:
        return EMPTY_ROOT
    row = [bytes(leaves[at : at + SIZE]) for at in range(0, count * SIZE, SIZE)]
    while len(row) > 1:
        above = [sha256(b"\1" + row[at] + row[at + 1]).digest() for at in range(0, len(row) - 1, 2)]
        if len(row) & 1:
            above.append(row[-1])
        row = above
    return row[0]


def cover(first: int, end: int) -> list[Subtree]:
    """The fewest subtrees that make up a range, from left to right."""
    found = []
    while first < end:
        level = (end - first).bit_length() - 1
        if first:
            level = min(level, (first & -first).bit_length() - 1)
        found.append(Subtree(level, first >> level))
        first += 1 << level
    return found


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_path(index: int, size: int) -> list[Range]:
    """What a proof that leaf ``index`` is in a tree of ``size`` consists of, in order: the hash of each range.

    Raises ValueError when there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    first, end, path = 0, size, []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(first, middle))
            first = middle
    return path[::-1]


def consistency_path(old: int, size: int) -> list[Range]:
    """What a proof consists of that the first ``old`` leaves of a tree of ``size`` are the tree of ``old``.

    Raises ValueError unless 0 <= old <= size.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves was never one of {old}")
    if old in (0, size):
        return []
    first, end, whole, path = 0, size, True, []
    while old != end:
        middle = first + _split(end - first)
        if old <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(first, middle))
            first = middle
            whole = False
    if not whole:
        path.append(Range(first, end))
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root a proof leads to (RFC 9162, 2.1.3.2); None when it has not the right length."""
    if not 0 <= index < size:
        return None
    place, last, value = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            value = node_hash(other, value)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            value = node_hash(value, other)
        place >>= 1
        last >>= 1
    return value if last == 0 else None


def included(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf is where it is said to be."""
    return root_from_inclusion(index, size, leaf, proof) == root


def consistent(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether nothing before ``old`` was changed (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    before = after = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(other, before), node_hash(other, after)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            after = node_hash(after, other)
        place >>= 1
        last >>= 1
    return last == 0 and before == old_root and after == root


def hash_of(part: Range, subtree: Callable[[Subtree], bytes]) -> bytes:
    """Of a range of a path, from the subtrees it consists of."""
    return fold([subtree(found) for found in cover(*part)])


def flat(hashes: Iterable[bytes]) -> bytes:
    """One after the other, as ``root_of`` takes them."""
    return b"".join(hashes)
