"""Events, and what happens to the connection, in words for people who read along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.client.command.lines import line_prefix, one_line
from streams.client.frames import Event
from streams.client.info import Info, State

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
        case "step.kept":
            return f"{line_prefix(event.target, event.step)}{_kept_words(data)}"
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


def _kept_words(data: Mapping[str, Any]) -> str:
    return one_line(f"kept from the job that this one goes on from: {data.get('status')}")


class Notes:
    """Turns one `Info` after the other into sentences worth saying, each said once."""

    def __init__(self) -> None:
        self._last = Info()
        self._said = ""

    def on(self, info: Info) -> list[str]:
        """Return what is new."""
        last, self._last = self._last, info
        found = []
        if info.wait_s is not None:
            found += self._trouble_note(info)
        elif info.state in (State.CATCHING_UP, State.LIVE):
            self._said = ""
            if info.transport != last.transport:
                found.append(f"Following over {info.transport}.")
        if info.resumed is not None and info.resumed != last.resumed:
            count, start = info.resumed.caught_up, info.resumed.from_seq
            events = "1 event" if count == 1 else f"{count:,} events"
            found.append(f"Resumed from #{start}, {events} caught up, over {info.transport}.")
        return found

    def _trouble_note(self, info: Info) -> list[str]:
        """Say an outage once, and again where its reason is another."""
        said = info.error.message if info.error else ""
        if said == self._said:
            return []
        self._said = said
        what = f"Cut off at #{info.seq}" if info.transport else "No connection yet"
        return [f"{what}: {said.rstrip('.')}. Trying again."]
