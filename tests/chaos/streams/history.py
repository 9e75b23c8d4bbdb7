"""What one follower was given, event by event, as it came; kept as a file. No Django in it."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

PRINT_BYTES = 8


class Came(Protocol):
    """What is used of an event (`streams.client.Event`)."""

    @property
    def seq(self) -> int: ...
    @property
    def raw(self) -> bytes: ...


def fingerprint(raw: bytes) -> int:
    """Return 64 bits that stand for an event's bytes: two that differ share them by no chance."""
    return int.from_bytes(hashlib.blake2b(raw, digest_size=PRINT_BYTES).digest(), "big")


@dataclass(slots=True)
class History:
    """All that a follower was given, in the order in which it came: of each event its seq, the
    fingerprint of its bytes, and when it came (Unix time)."""

    seqs: array[int] = field(default_factory=lambda: array("Q"))
    prints: array[int] = field(default_factory=lambda: array("Q"))
    times: array[float] = field(default_factory=lambda: array("d"))

    def take(self, events: Iterable[Came], now: float) -> None:
        """Note events that came together."""
        for event in events:
            self.seqs.append(event.seq)
            self.prints.append(fingerprint(event.raw))
            self.times.append(now)

    def write(self, path: Path) -> None:
        """Supervisor it as a file, for this machine to read."""
        with path.open("wb") as file:
            for column in (self.seqs, self.prints, self.times):
                column.tofile(file)

    @classmethod
    def read(cls, path: Path) -> History:
        """Return what `write` kept."""
        made = cls()
        columns = (made.seqs, made.prints, made.times)
        count = path.stat().st_size // sum(column.itemsize for column in columns)
        with path.open("rb") as file:
            for column in columns:
                column.fromfile(file, count)
        return made
