"""Taking exports in: everything is checked before anything is stored, and a job comes whole.

A file may hold several exports, one after the other: an archive does.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from core import clock
from core.errors import NotNow, RepriseError
from core.words import counted
from jobs.archive.export import open_export, read_lines
from jobs.archive.format import OF_ROW, BadExport, Chain, Header, Misfit, parse_header
from jobs.events import parse, split_hash
from jobs.events.extensions import count_extensions, submission_data
from jobs.events.fold import LEGAL, Summary, advance_summary
from jobs.log.archive_frames import MARK
from jobs.log.restore import StoredEvent, known_heads, make_month, restore_job
from jobs.models import Job, Team, stored_value
from jobs.system_log.stream import KIND as SYSTEM
from jobs.system_log.stream import record_upkeep

Advance = Callable[[int], None]
STRIDE = 1000  # events between two calls of Advance
# Many times what completes the submission with the longest names of targets.
MOST_EXTENSIONS = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """An export that has been checked: its header, and the row that its events fold to.

    A file may have a hundred thousand, so the header is without what may be long, and `digest` is
    the SHA-256 of its whole line.
    """

    header: Header
    digest: bytes
    summary: Summary


def check_file(path: Path, advance_by: Advance = lambda _count: None) -> list[Found]:
    """Read a whole file and return what it holds; BadExport, naming line and seq, if it is bad."""
    found = []
    with open_export(path) as file:
        for reading in _read_jobs(file, advance_by):
            reading.fold = fold = _Fold()
            deque(reading.events(), maxlen=0)
            short = replace(reading.header, params={}, labels={}, plan={})
            found.append(Found(short, _digest_of(reading.header), fold.summary()))
    return found


def new_jobs(found: list[Found], *, unfinished: bool) -> list[Found]:
    """Return what is not here yet.

    Raises NotNow for a job that is here with another history, for one that has not ended (unless
    `unfinished`; never the log of a system), and for one that retries a job that is neither here
    nor in the file.
    """
    here = known_heads(one.header.job for one in found)
    new = [one for one in found if one.header.job not in here]
    for one in found:
        head = here.get(one.header.job)
        if head is not None and head != (one.header.head, one.header.hash):
            raise NotNow(
                f"job {one.header.job} is here already with another history: its head is "
                f"{head[0]}, the export's {one.header.head}"
            )
    for one in new:
        if not one.summary.terminal and one.header.kind == SYSTEM:
            raise NotNow(
                f"job {one.header.job} is the open log of another system: what happens here would "
                "be added to it"
            )
        if not one.summary.terminal and not unfinished:
            raise NotNow(
                f"job {one.header.job} is {one.summary.status}: it would go on here "
                "(--unfinished lets it)"
            )
    _check_retries(new)
    return new


def store_jobs(path: Path, new: list[Found], advance_by: Advance = lambda _count: None) -> None:
    """Store those of a file's jobs, one transaction each, checking every event once more."""
    for month in sorted({one.header.month for one in new}):
        make_month(month)
    rows = {one.header.job: one for one in new}
    with open_export(path) as file:
        for reading in _read_jobs(file, advance_by):
            one = rows.get(reading.header.job)
            if one is None:
                deque(reading.events(), maxlen=0)
                continue
            if _digest_of(reading.header) != one.digest:
                raise BadExport("it changed after it was checked")
            try:
                _store_job(reading, one.summary)
            except IntegrityError as error:  # it came from elsewhere, or its month went, meanwhile
                said = str(error).splitlines()[0]
                raise NotNow(f"job {one.header.job} can not be stored now: {said}") from error


class _Reading:
    """One export in a file. `events` must be read to its end before the next one comes.

    They are folded where there is a `fold`; the chain is checked always.
    """

    def __init__(self, header: Header, lines: _Lines, advance_by: Advance) -> None:
        self.header = header
        self.fold: _Fold | None = None
        self._submitted: list[str] = []
        self._lines = lines
        self._advance_by = advance_by

    def events(self) -> Iterator[StoredEvent]:
        """Yield the events, each checked against the one before; at the end the head is checked."""
        chain, lines = Chain(self.header), self._lines
        try:
            while (text := lines.ahead) is not None and not text.startswith(MARK):
                chain.add(text)
                yield self._event(chain.seq, text)
                lines.take()
            chain.end()
            self._advance_by(chain.seq % STRIDE)
        except Misfit as error:
            raise BadExport(f"line {lines.number}: {error}") from error

    def _event(self, seq: int, text: str) -> StoredEvent:
        try:
            raw = json.loads(text)
            target = raw.get("target")
            stored = StoredEvent(seq, raw["at"], raw["type"], raw["actor"], target, text)
            if self.fold is not None:
                _check_columns(stored)
                self.fold.add(stored)
        except RecursionError as error:
            raise Misfit(f"seq {seq}: this event is nested too deeply") from error
        except (RepriseError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Misfit(f"seq {seq}: this event is not possible there: {error}") from error
        self._check_submitted(seq, text)
        if seq % STRIDE == 0:
            self._advance_by(STRIDE)
        return stored

    def _check_submitted(self, seq: int, text: str) -> None:
        """Gather what was submitted; compare it with the header once it is whole."""
        if seq > 1 and not self._submitted:
            return
        try:
            self._submitted.append(text)
            more = count_extensions(json.loads(self._submitted[0])["data"])
            if more > MOST_EXTENSIONS:
                raise ValueError(f"it says that {more} events complete it")
            if len(self._submitted) > more:
                _check_submitted(self.header, self._submitted)
                self._submitted = []
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Misfit(f"seq {seq}: this is not what was submitted: {error!r}") from error


class _Fold:
    """The row that events make. What steps do moves only the head: of that the last is enough."""

    def __init__(self) -> None:
        self._summary = Summary()
        self._last: StoredEvent | None = None

    def add(self, event: StoredEvent) -> None:
        """Take the next event; NotNow if it is not possible there."""
        step = event.type.startswith("step.")
        if step and self._summary.status in LEGAL.get(event.type, ()):
            self._last = event
        else:
            self._summary, self._last = advance_summary(self._summary, parse(event.text)), None

    def summary(self) -> Summary:
        """Return the row after the last event."""
        last = self._last
        if last is None:
            return self._summary
        digest = split_hash(last.text)[1]
        return replace(self._summary, head=last.seq, head_hash=digest, last_at=last.at)


class _Lines:
    """Lines with one to look at, `ahead` (None at the end); `number` is that one's."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.number = 0
        self._lines = lines
        self.ahead: str | None = None
        self.take()

    def take(self) -> str | None:
        taken, self.ahead = self.ahead, next(self._lines, None)
        self.number += 1
        return taken


def _read_jobs(file: BinaryIO, advance_by: Advance) -> Iterator[_Reading]:
    lines = _Lines(read_lines(file))
    if lines.ahead is None:
        raise BadExport("no header found: is the file empty or truncated?")
    seen = set()
    while lines.ahead is not None:
        number = lines.number
        try:
            header = parse_header(lines.take() or "")
        except Misfit as error:
            raise BadExport(f"line {number}: {error}") from error
        if header.job in seen:
            raise BadExport(f"line {number}: job {header.job} comes twice")
        seen.add(header.job)
        yield _Reading(header, lines, advance_by)


def _store_job(reading: _Reading, folded: Summary) -> None:
    header = reading.header
    with transaction.atomic():
        restore_job(_folded_row(header, folded), reading.events())
        record_upkeep("import", f"Imported job {header.job} with {counted(header.head, 'event')}")


def _check_columns(event: StoredEvent) -> None:
    strings = (event.at, event.type, event.actor, event.target or "")
    if not all(isinstance(value, str) for value in strings):
        raise ValueError("at, type, actor and target are strings")
    clock.parse(event.at)


def _check_submitted(header: Header, texts: list[str]) -> None:
    """Compare the header with job.submitted and what completes it; the chain vouches for these.

    In decimals: rows from before migration 0014 have 1e300 with all its digits, which a float would
    have lost.
    """
    said = json.loads(header.line(), parse_float=Decimal)["job"]
    event, *more = [json.loads(text, parse_float=Decimal) for text in texts]
    data = submission_data(event["data"], [one["data"] for one in more])
    members = ("kind", "title", "params", "labels", "plan", "retry_of")
    wrong = [name for name in members if name in data and data[name] != said[name]]
    if data.get("forked_from") != said.get("forked_from"):
        wrong.append("forked_from")
    if event["actor"] != header.submitted_by:
        wrong.append("submitted_by")
    if wrong:
        raise Misfit(f"seq 1: the header has another {', '.join(wrong)} than was submitted")


def _check_retries(new: list[Found]) -> None:
    retried = {one.header.retry_of: one for one in new if one.header.retry_of}
    there = {one.header.job for one in new} | set(known_heads(retried))
    for job, one in retried.items():
        if job not in there:
            raise NotNow(
                f"job {one.header.job} retries {job}, which is not here: import that first"
            )


def _digest_of(header: Header) -> bytes:
    return sha256(header.line().encode()).digest()


def _folded_row(header: Header, folded: Summary) -> Job:
    """Return the row that a history folds to; team and owner only where they are here."""
    values = {name: stored_value(name, getattr(folded, name)) for name in Summary.__slots__}
    users = get_user_model().objects
    return Job(
        id=header.job,
        team=Team.objects.filter(slug=header.team).first(),
        owner=users.filter(username=header.owner).first() if header.owner else None,
        retry_of_id=header.retry_of,
        forked_from=header.forked_from,
        imported_at=clock.now(),
        **{name: getattr(header, name) for name in OF_ROW},
        **values,
    )
