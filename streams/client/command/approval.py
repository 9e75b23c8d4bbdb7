"""What a job would run, printed where somebody is asked to approve it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.terminal import reveal
from streams.client.frames import Event

MAX_CHARACTERS = 2000


@dataclass(slots=True)
class Submission:
    """A job's submission, once it has come; without it there is nothing to print."""

    event: Event | None = None

    def take(self, event: Event) -> None:
        """Take the next event."""
        if event.type == "job.submitted":
            self.event = event

    def lines(self) -> Iterator[str]:
        """Yield a line for each fact: kind, submitter, targets, and every parameter.

        Nothing of them is carried out as a terminal would: that could hide what stands before it.
        """
        if self.event is None:
            return
        data = self.event.data or {}
        yield _fact_line("kind", data.get("kind"))
        yield _fact_line("submitted by", _submitter_words(self.event))
        if targets := _planned_targets(data):
            yield _fact_line(f"{len(targets):,} target{'s' if targets[1:] else ''}", targets)
        params = data.get("params")
        for name, value in params.items() if isinstance(params, dict) else ():
            yield _fact_line(name, value)
        if data.get("extended"):
            yield "  Lists that are longer are on the page."


def _submitter_words(event: Event) -> str:
    authors = (event.data or {}).get("authors") or ()
    written = ", ".join(str(author).partition(":")[2] for author in authors)
    kind, _, name = event.actor.partition(":")
    by = name if kind == "user" else f"{kind} {name}".strip()
    return f"{by}, written by {written}" if written else by


def _planned_targets(data: Mapping[str, Any]) -> list[str]:
    plan = data.get("plan")
    groups = plan.get("groups") or () if isinstance(plan, dict) else ()
    return [str(target) for group in groups for target in group.get("targets") or ()]


def _fact_line(name: str, value: object) -> str:
    text = value if isinstance(value, str) else _value_text(value)
    if len(text) > MAX_CHARACTERS:
        count = f"({len(text):,} characters, on the page all of them)"
        text = f"{text[:MAX_CHARACTERS]}… {count}"
    return f"  {reveal(name)}: {reveal(text)}".replace("\n", "\n    ")


def _value_text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
