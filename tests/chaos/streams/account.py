"""Compares the events that a follower got with the log of its job. Pure.

The log is the truth: each of its events has to come to each follower once, in its order, byte for
byte. What did not is counted, and so is what came that the log does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """How many events of the log a follower `got`, and how many went wrong, in four ways.

    `lost`: never came. `doubled`: came again, each further time counted. `disordered`: came for the
    first time after one of a higher seq. `foreign`: are not in the log, or not with these bytes.
    """

    got: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    foreign: int = 0

    @property
    def wrong(self) -> bool:
        """Whether anything is."""
        return bool(self.lost or self.doubled or self.disordered or self.foreign)

    def __add__(self, other: Account) -> Account:
        return Account(
            self.got + other.got,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.disordered + other.disordered,
            self.foreign + other.foreign,
        )


def of(log: Sequence[int], seqs: Sequence[int], prints: Sequence[int]) -> Account:
    """Return the account of a follower: `log` has the fingerprints of the events 1, 2, …; `seqs`
    and `prints` are those of the events that came, in the order in which they did."""
    came = bytearray(len(log) + 1)  # whether each seq did
    doubled = disordered = foreign = highest = 0
    for seq, print_ in zip(seqs, prints, strict=True):
        if not 0 < seq <= len(log) or log[seq - 1] != print_:
            foreign += 1
        elif came[seq]:
            doubled += 1
        else:
            came[seq] = 1
            disordered += seq < highest
            highest = max(highest, seq)
    got = sum(came)
    return Account(got, len(log) - got, doubled, disordered, foreign)
