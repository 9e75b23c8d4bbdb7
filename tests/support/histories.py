"""Histories made for a test: the texts that a log of these events would have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from core.records.record import make_header, record_lines
from jobs.events import Event, first_hash, make_body, next_hash, with_hash
from jobs.events.upcasters import version_of

JOB = UUID("01a202cf-4542-77cb-a3c8-c54ec4fba3e2")
SUBMITTED = {
    "kind": "greet", "title": "Greet", "params": {"name": "Ada", "password": "hunter2"},
    "labels": {}, "plan": {"steps": ["say"], "groups": [], "words": ""}, "team": None, "total": 1,
    "retry_of": None,
}  # fmt: skip


def event(type_: str, data: Mapping[str, Any] | None = None, **fields: Any) -> Event:
    """Return an event whose seq is still to be given."""
    known: dict[str, Any] = {
        "seq": 0, "type": type_, "version": version_of(type_), "actor": "worker:host/8",
        "at": "2026-11-22T09:00:00.123456Z", "attempt": 1, "step": None, "target": None,
    }  # fmt: skip
    return Event(**(known | fields), data=data or {})


def greeting() -> list[Event]:
    """Return the events of a run with one step, which prints its parameters."""
    return [
        event("job.submitted", SUBMITTED, actor="user:ada", attempt=0),
        event("attempt.started", {"worker": "host/8"}),
        event("step.started", {"try": 1, "occurrence": 1}, step="say", target="gs-001"),
        event("step.output", {"text": "hello Ada\n", "stream": "out"}, step="say", target="gs-001"),
        event(
            "step.succeeded", {"try": 1, "occurrence": 1, "seconds": 0.5, "result": {"said": 5}},
            step="say", target="gs-001",
        ),
        event("job.progressed", {"done": 1, "failed": 0}),
        event("job.succeeded", {"message": "Greeted."}),
    ]  # fmt: skip


def chained(events: Iterable[Event], job: UUID = JOB) -> list[str]:
    """Return the texts of these events as the log of a job has them."""
    texts, previous = list[str](), first_hash(job)
    for seq, one in enumerate(events, 1):
        members = {name: getattr(one, name) for name in Event.__slots__}
        body, raw = make_body(Event(**{**members, "seq": seq}))
        previous = next_hash(previous, raw)
        texts.append(with_hash(body, previous))
    return texts


def recorded(events: Iterable[Event], job: UUID = JOB) -> list[str]:
    """Return the lines of a record of these events."""
    texts = chained(events, job)
    return list(record_lines(make_header(job, texts, reprise="0.1.0"), texts))
