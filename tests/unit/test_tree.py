"""Merkle trees: roots and proofs are those of RFC 9162."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records.tree import Tree, proves, root_of

# The leaves and roots that implementations of certificate transparency test with.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
leaves = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def definition(items: list[bytes]) -> bytes:
    """Return the root as RFC 9162 defines it, by halves."""
    if len(items) < 2:
        return hashlib.sha256(b"\0" + items[0] if items else b"").digest()
    half = 1
    while half * 2 < len(items):
        half *= 2
    inner = definition(items[:half]) + definition(items[half:])
    return hashlib.sha256(b"\1" + inner).digest()


@pytest.mark.parametrize("size", ROOTS)
def test_known_roots(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


@given(leaves)
def test_the_root_is_the_definitions(items: list[bytes]) -> None:
    assert root_of(items) == definition(items)


@given(leaves, st.data())
def test_a_path_proves_its_leaf_and_no_other(items: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(items) - 1))
    tree = Tree(index)
    for item in items:
        tree.add(item)
    root, leaf = tree.root(), items[index]
    assert proves(root, len(items), index, leaf, tree.path)
    assert not proves(root, len(items), index, leaf + b"x", tree.path)
    assert not proves(root, len(items), len(items), leaf, tree.path)
    assert not proves(root, len(items), -1, leaf, tree.path)
    assert not proves(root, len(items), index, leaf, [*tree.path, b"\0" * 32])
    if tree.path:
        assert not proves(root, len(items), index, leaf, tree.path[:-1])
        changed = [bytes(32), *tree.path[1:]]
        assert not proves(root, len(items), index, leaf, changed)
