"""Events: their types, the text that is stored, hashed and sent, and the way back.

The *body* is an event's JSON text without `hash`, made once, at append. The *text* is what is
stored and what every reader gets, byte for byte: the body less its final `}`, then
`,"hash":"<64 hex digits>"}`. `hash` is SHA-256 over the 32 raw bytes of the previous event's hash
and then the body; before seq 1 stands SHA-256 of the job id's 16 bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from core.errors import BadRequest, EventTooLarge, RepriseError, storable_text
from core.records.texts import encode_line
from jobs.events.upcasters import upcast_data, version_of

MAX_BODY_BYTES = 64 * 1024
MAX_NESTING = 64
# Digits enough for an integer past 64 bits: worth the careful way.
_MANY_DIGITS = re.compile(r"[0-9]{19}")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class EventType(StrEnum):
    """Every type there is: `noun.verb-in-the-past`."""

    JOB_SUBMITTED = "job.submitted"
    JOB_EXTENDED = "job.extended"
    ATTEMPT_STARTED = "attempt.started"
    JOB_PROGRESSED = "job.progressed"
    JOB_WAITING = "job.waiting"
    JOB_PAUSED = "job.paused"
    JOB_RESUMED = "job.resumed"
    JOB_CANCEL_REQUESTED = "job.cancel_requested"
    JOB_APPROVAL_REQUESTED = "job.approval_requested"
    JOB_APPROVED = "job.approved"
    JOB_REJECTED = "job.rejected"
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    STEP_STARTED = "step.started"
    STEP_OUTPUT = "step.output"
    STEP_PROGRESSED = "step.progressed"
    STEP_SUCCEEDED = "step.succeeded"
    STEP_FAILED = "step.failed"
    STEP_RETRIED = "step.retried"
    STEP_SKIPPED = "step.skipped"
    STEP_KEPT = "step.kept"
    SYSTEM_SIGNED_IN = "system.signed_in"
    SYSTEM_SIGN_IN_FAILED = "system.sign_in_failed"
    SYSTEM_SIGNED_OUT = "system.signed_out"
    SYSTEM_ADDED = "system.added"
    SYSTEM_CHANGED = "system.changed"
    SYSTEM_REMOVED = "system.removed"
    SYSTEM_GRANTED = "system.granted"
    SYSTEM_WITHDRAWN = "system.withdrawn"
    SYSTEM_CONFIGURED = "system.configured"
    SYSTEM_MAINTAINED = "system.maintained"
    SYSTEM_CLOSED = "system.closed"


_VERSIONS = {str(type_): version_of(type_) for type_ in EventType}


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that somebody wants appended; `data` must be JSON (no NaN, 64-bit integers)."""

    type: EventType
    data: Mapping[str, Any] = field(default_factory=dict)
    step: str | None = None
    target: str | None = None


# What of a text is enough to tell its type: `{"seq":<at most 19 digits>,"type":"…",`.
_TYPE_WITHIN = 64
_QUIET = tuple(f',"type":"{kind}",' for kind in (EventType.STEP_OUTPUT, EventType.STEP_PROGRESSED))


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about a job, as the log has it; `at` is RFC 3339, `hash` 64 hex digits."""

    seq: int
    type: str
    version: int
    at: str
    actor: str
    attempt: int
    step: str | None
    target: str | None
    data: Mapping[str, Any]
    hash: str = ""


def make_body(event: Event) -> tuple[str, bytes]:
    """Return the event's body as text and as UTF-8.

    NUL and lone surrogates become U+FFFD. Raises EventTooLarge past 64 KiB and BadRequest for what
    JSON cannot carry: NaN, infinities, integers past 64 bits, nesting past 64.
    """
    members: dict[str, Any] = {
        "seq": event.seq,
        "type": event.type,
        "version": event.version,
        "at": event.at,
        "actor": event.actor,
        "attempt": event.attempt,
    }
    if event.step is not None:
        members["step"] = event.step
    if event.target is not None:
        members["target"] = event.target
    members["data"] = event.data
    body, raw = _dump_members(members)
    if len(raw) > MAX_BODY_BYTES:
        raise EventTooLarge(f"An event is at most 64 KiB; this one has {len(raw)} bytes.")
    return body, raw


class NewerEvent(RepriseError):
    """The event was written by a newer Reprise than this one, which cannot read it."""

    code = "newer_event"


def parse(text: str) -> Event:
    """Return the event that a stored text is, its data in the newest version of its type.

    Raises NewerEvent for a version that is not known here. Of a type that is not known, the data
    is left as it is.
    """
    event = parse_stored(text)
    newest = _VERSIONS.get(event.type)
    if newest is None or event.version == newest:
        return event
    if event.version > newest:
        raise NewerEvent(
            f"Event {event.seq} is a {event.type} of version {event.version}; this Reprise knows"
            f" {newest} at most: it was written by a newer one."
        )
    data = upcast_data(event.type, event.version, event.data)
    return replace(event, version=newest, data=data)


def is_quiet(text: str) -> bool:
    """Return whether a stored text is of a step's output or progress, without parsing it.

    These move nothing but the head. A job's log is mostly output.
    """
    start = text[:_TYPE_WITHIN]
    return any(mark in start for mark in _QUIET)


def parse_stored(text: str) -> Event:
    """Return the event that a stored text is, its data as it was written, whatever its version."""
    raw = json.loads(text)
    return Event(
        seq=raw["seq"],
        type=raw["type"],
        version=raw["version"],
        at=raw["at"],
        actor=raw["actor"],
        attempt=raw["attempt"],
        step=raw.get("step"),
        target=raw.get("target"),
        data=raw["data"],
        hash=raw["hash"],
    )


def clean(value: Any, depth: int = 0) -> Any:
    """Return a copy of a JSON value in which NUL and lone surrogates are U+FFFD.

    Raises BadRequest for integers past 64 bits, values that are not JSON's, nesting past 64.
    """
    if depth > MAX_NESTING:
        raise BadRequest(f"JSON may be nested {MAX_NESTING} deep, not deeper.")
    match value:
        case str():
            return storable_text(value)
        case bool() | None | float():
            return value
        case int():
            if not -(2**63) <= value < 2**63:
                raise BadRequest("Integers have at most 64 bits.")
            return int(value)
        case Mapping():
            return {clean(str(k)): clean(v, depth + 1) for k, v in value.items()}
        case list() | tuple():
            return [clean(item, depth + 1) for item in value]
    raise BadRequest(f"A {type(value).__name__} is not JSON.")


def is_storable(value: Any) -> bool:
    """Return whether Postgres' jsonb takes a JSON value as it is: no NUL, no NaN, none such."""
    try:
        encode_line(value).encode()
        same: bool = clean(value) == value
    except (BadRequest, ValueError, TypeError, RecursionError):
        return False
    return same


def _dump_members(members: dict[str, Any]) -> tuple[str, bytes]:
    try:
        body = encode_line(members)
        raw = body.encode()
        if "\\u0000" not in body and (_is_flat(members["data"]) or _is_tame(body)):
            return body, raw
    except UnicodeEncodeError:
        pass  # a lone surrogate: take the careful way
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRequest(f"This is not JSON: {error}") from error
    body = encode_line(clean(members))
    return body, body.encode()


def _is_flat(data: Mapping[str, Any]) -> bool:
    """Whether the values are texts and small numbers: most events' are."""
    for value in data.values():
        kind = type(value)
        if kind is not str and (kind is not int or not -(2**63) <= value < 2**63):
            return False
    return True


def _is_tame(body: str) -> bool:
    """Whether no integer can be past 64 bits and nothing nested too deep."""
    return not _MANY_DIGITS.search(body) and body.count("[") + body.count("{") <= MAX_NESTING
