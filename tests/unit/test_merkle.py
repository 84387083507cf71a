"""The tree against the words of RFC 9162, written down a second time here, and against roots others published."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khue.model.merkle import (
    EMPTY_ROOT,
    Frontier,
    Range,
    Subtree,
    consistency_path,
    consistent,
    cover,
    hash_of,
    included,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
)

# Entries and roots of the reference log of Certificate Transparency (RFC 6962)
_INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def _mth(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + _mth(leaves[:split]) + _mth(leaves[split:])).digest()


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162, 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*_path(index, leaves[:split]), _mth(leaves[split:])]
    return [*_path(index - split, leaves[split:]), _mth(leaves[:split])]


def _subproof(old: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """RFC 9162, 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [_mth(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if old <= split:
        return [*_subproof(old, leaves[:split], whole), _mth(leaves[split:])]
    return [*_subproof(old - split, leaves[split:], False), _mth(leaves[:split])]


def _leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


def _hashes(leaves: list[bytes]) -> Callable[[Subtree], bytes]:
    return lambda part: _mth(leaves[part.first : part.end])


def test_roots_others_published() -> None:
    edge = Frontier()
    for size, root in enumerate(_ROOTS):
        leaves = [leaf_hash(bytes.fromhex(text)) for text in _INPUTS[:size]]
        assert root_of(b"".join(leaves)).hex() == edge.root().hex() == root
        if size < len(_INPUTS):
            edge.append(leaf_hash(bytes.fromhex(_INPUTS[size])))
    assert EMPTY_ROOT.hex() == _ROOTS[0]


@pytest.mark.parametrize("size", [*range(20), 31, 32, 33, 63, 64, 65])
def test_every_proof_of_a_size_is_the_rfc_s_and_holds(size: int) -> None:
    leaves = _leaves(size)
    root = _mth(leaves)
    for index in range(size):
        proof = [hash_of(part, _hashes(leaves)) for part in inclusion_path(index, size)]
        assert proof == _path(index, leaves)
        assert included(index, size, leaves[index], proof, root)
    for old in range(size + 1):
        proof = [hash_of(part, _hashes(leaves)) for part in consistency_path(old, size)]
        assert proof == (_subproof(old, leaves, True) if old else [])
        assert consistent(old, size, _mth(leaves[:old]), root, proof)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_proof_of_something_else_does_not_hold(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 60))
    leaves = _leaves(size)
    root = _mth(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = _path(index, leaves)
    other = data.draw(st.integers(0, size - 1).filter(lambda place: place != index))
    assert not included(index, size, leaves[other], proof, root)
    assert not included(other, size, leaves[index], proof, root)
    assert not included(index, size, leaves[index], [*proof, root], root)
    assert not included(index, size, leaves[index], proof[:-1], root)
    old = data.draw(st.integers(1, size - 1))
    proof = _subproof(old, leaves, True)
    changed = data.draw(st.integers(0, old - 1))
    bent = _mth([*leaves[:changed], leaf_hash(b"bent"), *leaves[changed + 1 : old]])
    assert not consistent(old, size, bent, root, proof)
    assert not consistent(old, size, _mth(leaves[:old]), root, proof[:-1])
    assert not consistent(old, size, _mth(leaves[:old]), root, [*proof, root])
    assert not consistent(old, size, root, root, proof)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 600), st.integers(0, 600), st.integers(0, 600))
def test_an_edge_taken_up_anywhere_goes_on_to_the_same_root(first: int, middle: int, end: int) -> None:
    first, middle, end = sorted((first, middle, end))
    leaves = _leaves(end)
    edge = Frontier(first, [_mth(leaves[part.first : part.end]) for part in cover(0, first)])
    made: dict[Subtree, bytes] = {}
    for leaf in leaves[first:middle]:
        edge.append(leaf, made.__setitem__)
    for part in cover(middle, end):
        edge.push(part.level, _mth(leaves[part.first : part.end]))
    assert edge.size == end
    assert edge.root() == _mth(leaves)
    assert all(value == _mth(leaves[part.first : part.end]) for part, value in made.items())


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_cover_is_a_range_without_hole_or_overlap(one: int, other: int) -> None:
    first, end = sorted((one, other))
    at = first
    for part in cover(first, end):
        assert part.first == at
        at = part.end
    assert at == end


def test_a_proof_is_as_short_as_a_logarithm() -> None:
    size = 10**9 + 7
    assert len(inclusion_path(123_456_789, size)) <= 30
    assert len(consistency_path(123_456_789, size)) <= 31
    assert all(len(cover(*part)) <= 30 for part in inclusion_path(123_456_789, size))


def test_what_no_tree_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no leaf 3"):
        inclusion_path(3, 3)
    with pytest.raises(ValueError, match="never one of 4"):
        consistency_path(4, 3)
    with pytest.raises(ValueError, match="hashes"):
        Frontier(3, [b"\0" * 32])
    with pytest.raises(ValueError, match="begins at leaf 1"):
        Frontier(1, [b"\0" * 32]).push(1, b"\0" * 32)
    with pytest.raises(ValueError, match="are not"):
        root_of(b"\0" * 33)
    assert not included(5, 5, b"", [], EMPTY_ROOT)
    assert not consistent(3, 2, b"", b"", [])
    assert node_hash(b"a", b"b") != node_hash(b"b", b"a")
    assert Range(0, 1).end == 1
