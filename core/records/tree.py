"""Merkle trees (RFC 9162, 2.1): a root for many leaves, and proofs for single ones. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Subtree:
    height: int
    hash: bytes
    watched: bool


@dataclass(slots=True)
class Tree:
    """Takes leaves one by one, in memory of the tree's depth.

    `index` is the leaf, from 0, that `path` is to prove: the hashes beside its way to the root,
    from below, whole once `root` was asked for.
    """

    index: int | None = None
    size: int = 0
    path: list[bytes] = field(default_factory=list)
    _right_edge: list[_Subtree] = field(default_factory=list)

    def add(self, leaf: bytes) -> None:
        """Take the next leaf."""
        edge = self._right_edge
        edge.append(_Subtree(0, _leaf_hash(leaf), self.size == self.index))
        self.size += 1
        while len(edge) > 1 and edge[-2].height == edge[-1].height:
            self._join()

    def root(self) -> bytes:
        """Return the root of all leaves; nothing can be added after that."""
        while len(self._right_edge) > 1:
            self._join()
        return self._right_edge[0].hash if self._right_edge else hashlib.sha256().digest()

    def _join(self) -> None:
        right, left = self._right_edge.pop(), self._right_edge.pop()
        if left.watched or right.watched:
            self.path.append(right.hash if left.watched else left.hash)
        watched = left.watched or right.watched
        joined = _Subtree(left.height + 1, _node_hash(left.hash, right.hash), watched)
        self._right_edge.append(joined)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root of these leaves."""
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def proves(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Return whether a path shows that a tree of `size` leaves with this root has this one."""
    if not 0 <= index < size:
        return False
    found, place, last = _leaf_hash(leaf), index, size - 1
    for beside in path:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = _node_hash(beside, found)
            while place and not place % 2:
                place, last = place // 2, last // 2
        else:
            found = _node_hash(found, beside)
        place, last = place // 2, last // 2
    return last == 0 and found == root


def _leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\0" + leaf).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
