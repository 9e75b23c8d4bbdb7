"""What a seal's file vouches for, held against the log as it is now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID

from core.errors import RepriseError
from core.records.seal_text import SealText, parse_head
from core.words import counted
from jobs import log
from jobs.events import split_hash
from jobs.integrity.seals import files
from jobs.integrity.seals.key import SealFailed
from jobs.log import inspect

HEADS_AT_ONCE = 1000


class State(StrEnum):
    """How the log stands to a sealed head."""

    HELD = "held"
    BEHIND = "behind"
    MISSING = "missing"
    DIFFERENT = "different"


_WORDS = {
    State.HELD: "as sealed",
    State.BEHIND: "ahead of the log",
    State.MISSING: "of a job that is gone",
    State.DIFFERENT: "with another hash in the log",
}


@dataclass(frozen=True, slots=True)
class Head:
    """A sealed head, and how the log stands to it; `log_head` is None if the job is gone."""

    seal: int
    job: UUID
    seq: int
    log_head: int | None
    state: State

    def __str__(self) -> str:
        has = {State.MISSING: "the job is gone", State.DIFFERENT: "the log has another event there"}
        log_has = has.get(self.state, f"the log ends at {self.log_head}")
        return f"job {self.job}: seal {self.seal} has event {self.seq}, {log_has}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A seal's heads, counted by how the log stands to them."""

    seal: int
    at: str
    counts: dict[State, int]

    @property
    def lost(self) -> int:
        """How many heads the log does not have."""
        return sum(self.counts.values()) - self.counts[State.HELD]

    @property
    def words(self) -> str:
        """The counts in words: `3 heads, 1 as sealed, 2 ahead of the log`."""
        found = [f"{count:,} {_WORDS[state]}" for state, count in self.counts.items() if count]
        return ", ".join([counted(sum(self.counts.values()), "head"), *found])

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        counts = {str(state): count for state, count in self.counts.items()}
        return {"seal": self.seal, "at": self.at, "heads": sum(counts.values()), **counts}


def count_heads(text: SealText) -> Comparison:
    """Count the heads of a seal's file by how the log stands to them.

    The file was checked. Raises SealFailed if an archive cannot be read.
    """
    counts = Counter(head.state for head in compare_heads(text.number))
    return Comparison(text.number, text.at, {state: counts[state] for state in State})


def compare_heads(number: int) -> Iterator[Head]:
    """Yield each head of a seal's file with how the log stands to it, in flat memory."""
    with files.open_lines(number) as lines:
        next(lines)
        while page := [parse_head(line) for line in islice(lines, HEADS_AT_ONCE)]:
            sealed = {(job, seq): digest for job, seq, digest in page}
            for job, seq, head, digest in inspect.hashes_at(list(sealed)):
                state = _head_state(job, seq, head, digest, sealed[job, seq])
                yield Head(number, job, seq, head, state)


def _head_state(job: UUID, seq: int, head: int | None, digest: str | None, sealed: str) -> State:
    if head is None:
        return State.MISSING
    if head < seq:
        return State.BEHIND
    return State.HELD if (digest or _archived_hash(job, seq)) == sealed else State.DIFFERENT


def _archived_hash(job: UUID, seq: int) -> str | None:
    """Return the hash of an event that the table does not have; None if no archive has it."""
    try:
        texts = log.read(job, seq - 1, 1).texts
    except (RepriseError, OSError) as error:
        raise SealFailed(f"Event {seq} of job {job} cannot be read: {error}") from error
    return split_hash(texts[0])[1] if texts else None
