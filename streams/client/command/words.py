"""Events in words, for people who read along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.client.command.lines import line_prefix, one_line
from streams.client.frames import Event

_SAID = {
    "job.paused": "Paused",
    "job.resumed": "Resumed",
    "job.cancel_requested": "Asked to stop",
    "job.approval_requested": "Waits for approval",
    "job.approved": "Approved",
    "job.rejected": "Rejected",
    "job.succeeded": "Succeeded",
    "job.failed": "Failed",
    "job.cancelled": "Cancelled",
}


def event_words(event: Event) -> str:
    """Return an event in one line, '' for one that says nothing by itself (output, progress)."""
    data = event.data or {}
    match event.type:
        case "job.submitted":
            return _join_line(str(data.get("title") or ""), str(data.get("kind") or ""))
        case "attempt.started" if event.attempt > 1:
            return _join_line(f"Attempt {event.attempt}", str(data.get("worker") or ""))
        case "job.waiting":
            return _waiting_words(data)
        case "step.succeeded" | "step.failed" | "step.skipped" | "step.retried":
            return f"{line_prefix(event.target, event.step)}{_ending_words(event.type, data)}"
        case type if type in _SAID:
            said = data.get("message") or data.get("reason") or data.get("words") or ""
            by = (
                event.actor.partition(":")[2] if event.actor.startswith(("user:", "token:")) else ""
            )
            return _join_line(_SAID[type], str(said), f"by {by}" if by else "")
    return ""


def _waiting_words(data: Mapping[str, Any]) -> str:
    waits = data.get("waits")
    first = waits[0] if isinstance(waits, list) and waits else None
    if data.get("for") == "kind" and isinstance(first, dict):
        return one_line(f"Waits for a worker that knows the kind {first.get('kind')}")
    return _join_line("Waits for", str(data.get("for") or "its turn"))


def _join_line(head: str, *rest: str) -> str:
    said = ", ".join(one_line(part) for part in rest if part)
    return f"{one_line(head)}: {said}" if said else one_line(head)


def _ending_words(type: str, data: Mapping[str, Any]) -> str:
    seconds = data.get("seconds")
    took = f" ({seconds:.1f} s)" if isinstance(seconds, int | float) else ""
    error = data.get("error")
    said = str(error.get("message") or "") if isinstance(error, dict) else ""
    said = one_line(said or str(data.get("reason") or ""))
    sign = {"step.succeeded": "✓ done", "step.failed": "✗ failed", "step.skipped": "– skipped"}
    return f"{sign.get(type, '↻ to be tried again')}{took}{': ' + said if said else ''}"
