"""The chain of one job's events, walked text by text: hashes, places, legal moves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from core.errors import RepriseError
from jobs.events import Event, EventType, first_hash, is_quiet, link_hash, parse
from jobs.events.fold import LEGAL, Summary, advance_summary

_MAY_WORK = LEGAL[EventType.STEP_OUTPUT]
# What parsing and folding raise for a text that no append has made.
_NO_EVENT = (RepriseError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class Broken(Exception):
    """The log is not what was appended: the first bad seq, and why, in plain words."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"{seq}: {reason}")
        self.seq = seq
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SealedHash:
    """What a seal says the hash of an event is."""

    seal: int
    hash: str


# By seq. Two seals may have the same one.
Sealed = Mapping[int, tuple[SealedHash, ...]]


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """How far a walk has come: the last event's seq and hash, and the fold of all before."""

    seq: int
    hash: bytes
    summary: Summary = field(default_factory=Summary)

    @classmethod
    def start(cls, job_id: UUID) -> Self:
        """Return the place before a job's first event."""
        return cls(0, first_hash(job_id))


def walk_chain(start: ChainPlace, texts: Iterable[str], sealed: Sealed | None = None) -> ChainPlace:
    """Return the place after `texts`, the events that follow `start`; Broken at the first bad one.

    What steps print and how far they say they are moves nothing but the head, so that of those
    only the last is parsed.
    """
    seq, previous, summary = start.seq, start.hash, start.summary
    sealed, quiet = sealed or {}, ""
    for seq, text in enumerate(texts, start.seq + 1):
        digest = link_hash(previous, seq, text)
        if digest is None:
            raise Broken(seq, _mismatch_reason(seq, text))
        previous = digest
        for one in sealed.get(seq, ()):
            if one.hash != previous.hex():
                raise Broken(seq, _rewritten_error(seq, one))
        if summary.status in _MAY_WORK and is_quiet(text):
            quiet = text
        else:
            summary, quiet = _advance_state(summary, seq, text), ""
    return ChainPlace(seq, previous, _advance_state(summary, seq, quiet) if quiet else summary)


def event_of(seq: int, text: str) -> Event:
    """Return the event that a text is; Broken if it is not one."""
    try:
        return parse(text)
    except _NO_EVENT as error:
        raise Broken(seq, f"Event {seq} is none: {error}") from error


def _advance_state(summary: Summary, seq: int, text: str) -> Summary:
    event = event_of(seq, text)
    try:
        return advance_summary(summary, event)
    except _NO_EVENT as error:
        raise Broken(seq, f"Event {seq} cannot have been appended there: {error}") from error


def _mismatch_reason(seq: int, text: str) -> str:
    claimed = text[7 : text.find(",", 7)] if text.startswith('{"seq":') else ""
    if claimed.isdecimal() and claimed != str(seq):
        return f"Event {seq} says that it is event {claimed}: events were exchanged or moved."
    return f"Event {seq} was changed: its hash is not that of its text and the event before."


def _rewritten_error(seq: int, sealed: SealedHash) -> str:
    said = f"Seal {sealed.seal} has another hash for event {seq}"
    return f"{said}: the history up to it was written anew, or it was another one."
