"""What an export of one job is: a line that describes it, then its events as they are stored.

docs/reference/archive-format.md is the reference. `Chain` checks a history text by text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from core.errors import RepriseError
from core.ids import uuid7_time
from jobs.events import first_hash, link_hash, one_line
from jobs.models import Job

VERSION = 1
_TEXTS = ("kind", "title", "submitted_by")
_OBJECTS = ("params", "labels", "plan")
# As the job's row has them; with the names of team and owner, in the header's order.
OF_ROW = (*_TEXTS, *_OBJECTS)
_PLAIN = ("kind", "title", *_OBJECTS, "team", "owner", "submitted_by")


class Misfit(Exception):
    """A line that cannot stand there, and why; the caller adds its number."""


class BadExport(RepriseError):
    """This is no export of a job, or it was changed."""

    code = "bad_export"
    status = 400


@dataclass(frozen=True, slots=True)
class Header:
    """What the fold of a job's events cannot give, and what vouches for the events: head, hash.

    `team` is a slug, `owner` a user's name, `retry_of` a job's id, `hash` 64 hex digits;
    `forked_from` is as in `job.submitted`.
    """

    job: UUID
    kind: str
    title: str
    params: Mapping[str, Any]
    labels: Mapping[str, Any]
    plan: Mapping[str, Any]
    team: str | None
    owner: str | None
    submitted_by: str
    retry_of: UUID | None
    head: int
    hash: str
    forked_from: Mapping[str, Any] | None = None

    @property
    def month(self) -> datetime:
        """The start of the month (UTC) in whose partition the job's events are."""
        made = uuid7_time(self.job)
        return datetime(made.year, made.month, 1, tzinfo=UTC)

    def line(self) -> str:
        """Return the header's line, without its line break."""
        job = {
            "id": str(self.job),
            **{name: getattr(self, name) for name in _PLAIN},
            "retry_of": str(self.retry_of) if self.retry_of else None,
        }
        job |= {"forked_from": self.forked_from} if self.forked_from else {}
        members = {"reprise_export": VERSION, "job": job, "head": self.head, "hash": self.hash}
        return one_line(json.dumps(members, ensure_ascii=False, separators=(",", ":")))


def header_of(job: Job) -> Header:
    """Return the header of a job as its row is now; `team` and `owner` are best joined to it."""
    return Header(
        job=job.pk,
        team=job.team.slug if job.team else None,
        owner=job.owner.get_username() if job.owner else None,
        retry_of=job.retry_of_id,
        head=job.head,
        hash=bytes(job.head_hash).hex(),
        forked_from=job.forked_from,
        **{name: getattr(job, name) for name in OF_ROW},
    )


def parse_header(line: str) -> Header:
    """Return the header that a line is; Misfit if it is not one, or of another version."""
    try:
        members = json.loads(line)
        version, job = members["reprise_export"], members["job"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Misfit("this is not the header of an export") from None
    if version != VERSION:
        raise Misfit(f"this is an export of version {version}, not {VERSION}")
    try:
        header = _make_header(job, members)
        uuid7_time(header.job)  # else no month has it
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Misfit(f"the header is incomplete: {error}") from error
    return header


def _make_header(job: Mapping[str, Any], members: Mapping[str, Any]) -> Header:
    if not all(isinstance(job[name], str) for name in _TEXTS):
        raise ValueError(f"{', '.join(_TEXTS)} must be strings")
    if not all(isinstance(job[name], dict) for name in _OBJECTS):
        raise ValueError(f"{', '.join(_OBJECTS)} must be objects")
    if not isinstance(members["head"], int) or members["head"] < 1:
        raise ValueError("head must be a number from 1 on")
    _check_source(job)
    bytes.fromhex(members["hash"])
    return Header(
        job=UUID(job["id"]),
        retry_of=UUID(job["retry_of"]) if job["retry_of"] else None,
        head=members["head"],
        hash=members["hash"],
        forked_from=job.get("forked_from"),
        **{name: job[name] for name in _PLAIN},
    )


def _check_source(job: Mapping[str, Any]) -> None:
    """Raise ValueError unless `forked_from`, if it is there, is an event of `retry_of`."""
    if (source := job.get("forked_from")) is None:
        return
    if UUID(source["job"]) != UUID(job["retry_of"]) or not isinstance(source["seq"], int):
        raise ValueError("forked_from must name an event of retry_of")
    bytes.fromhex(source["hash"])


class Chain:
    """A job's history checked as it comes: each text by the one before, the last by the header."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.seq = 0
        self._previous = first_hash(header.job)

    def add(self, text: str) -> None:
        """Take the next event's text; Misfit, saying its seq, where it is not the next."""
        seq = self.seq + 1
        if seq > self.header.head:
            raise Misfit(f"seq {seq}: the header says that {self.header.head} is the last")
        digest = link_hash(self._previous, seq, text)
        if digest is None and not text.startswith(f'{{"seq":{seq},'):
            raise Misfit(f"seq {seq}: this is not event {seq}")
        if digest is None:
            why = "this event or the one before it was changed"
            raise Misfit(f"seq {seq}: the hash does not fit: {why}")
        self.seq, self._previous = seq, digest

    def end(self) -> None:
        """Say that nothing follows; Misfit if that is not the header's head."""
        if self.seq < self.header.head:
            raise Misfit(
                f"seq {self.seq + 1}: missing; the header says that {self.header.head} is the last"
            )
        if self._previous.hex() != self.header.hash:
            raise Misfit(f"seq {self.seq}: the hash is not the header's")
