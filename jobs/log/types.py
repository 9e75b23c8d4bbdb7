"""What the log hands out: cursors, pages of ready-made text, heads, receipts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from uuid import UUID

from core.errors import BadCursor, RepriseError
from jobs.events.fold import TERMINAL, Summary

_CURSOR = re.compile(r"(0|[1-9][0-9]{0,18})(?:-([0-9a-f]{8}))?")
MAX_SEQ = 2**63 - 1
# Of texts in UTF-8; the event that gets there is a page's last. An event may have 64 KiB.
PAGE_BYTES = 4 * 1024 * 1024
# The same of one answer, or of one step of an export, which is not kept. While it is made and sent
# there are two copies of it, and nobody who reads slowly may have the process hold over 1 MiB.
ANSWER_BYTES = 480 * 1024


class LeaseLost(RepriseError):
    """Another worker has this job now: stop."""

    code = "lease_lost"
    status = 409


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event a client has applied: its seq and, where known, 8 digits of its hash."""

    seq: int
    hash8: str | None = None

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Return the cursor that `57` or `57-5f1c2a9b` is; BadCursor for anything else."""
        match = _CURSOR.fullmatch(text)
        if match is None or int(match[1]) > MAX_SEQ or (match[1] == "0" and match[2]):
            raise BadCursor
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.seq}-{self.hash8}" if self.hash8 else str(self.seq)


@dataclass(frozen=True, slots=True)
class Head:
    """A job's newest committed event: its seq (0 for none), its hash (hex), the job's status.

    `cursor_hash` is the whole hash of the event at the cursor that was checked, empty if unknown.
    """

    seq: int
    hash: str
    status: str
    cursor_hash: str = field(default="", compare=False)

    @property
    def terminal(self) -> bool:
        """Whether nothing will follow this head."""
        return self.status in TERMINAL

    @property
    def cursor(self) -> Cursor:
        """The cursor of a client that has applied the head."""
        return Cursor(self.seq, self.hash[:8]) if self.seq else Cursor(0)


@dataclass(frozen=True, slots=True)
class Page:
    """Contiguous events after `after` up to `last`, as stored: texts joined by newlines.

    JSON text never holds a raw newline, so the join is unambiguous, and a reader that needs no
    single event never splits it. `cut`: it ends early, since its texts are PAGE_BYTES or more.
    """

    after: int
    last: int
    lines: str
    cut: bool = False

    def __len__(self) -> int:
        return self.last - self.after

    @property
    def texts(self) -> list[str]:
        """The single events' texts."""
        return self.lines.split("\n") if self.lines else []

    @property
    def cursor(self) -> Cursor:
        """The cursor of a client that has applied the whole page."""
        return Cursor(self.last, self.lines[-66:-58]) if self.lines else Cursor(self.after)


@dataclass(frozen=True, slots=True)
class Appended:
    """A receipt: the events `first`..`last` of the job are committed; `texts` as stored.

    Where they are known, `row` is the job's row as they have left it, and `moment` the database's
    time.
    """

    job: UUID
    first: int
    last: int
    texts: list[str]
    status: str
    row: Summary | None = field(default=None, compare=False, repr=False)
    moment: str = field(default="", compare=False, repr=False)


def cursor_of(text: str) -> str:
    """Return an event's cursor, `<seq>-<hash8>`, from its stored text without parsing JSON.

    A body starts with `{"seq":<digits>,` and a text ends with its 64 hex digits, always.
    """
    return f"{text[7 : text.index(',', 7)]}-{text[-66:-58]}"
