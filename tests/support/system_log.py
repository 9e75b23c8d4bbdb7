"""Reads the system's own log as tests want it."""

from __future__ import annotations

import json
from typing import Any

from core import clock
from jobs import log
from jobs.events import Event, parse_stored
from jobs.log.months import Month
from jobs.system_log.stream import stream_id


def this_month() -> str:
    """Return the id of the job that is this month's system log."""
    return str(stream_id(Month.of(clock.now())))


def system_events() -> list[Event]:
    """Return this month's events of the system, without those that open it."""
    texts = log.read(stream_id(Month.of(clock.now())), 0, 10_000).texts
    return [parse_stored(text) for text in texts][2:]


def told(event: Event) -> tuple[str, str, dict[str, Any]]:
    """Return what a test compares of an event: its type, its actor and its data."""
    return event.type.removeprefix("system."), event.actor, dict(event.data)


def all_text() -> str:
    """Return everything that the system's log says."""
    return json.dumps([told(event) for event in system_events()])
