"""A job's row held against its events: it is their fold, and what was submitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import DataError

from jobs.events.extensions import submission_data
from jobs.events.fold import Summary
from jobs.integrity.chain import Broken, event_of
from jobs.log import inspect
from jobs.models import Job

SHOWN_CHARACTERS = 60


def check_row(row: Job, folded: Summary, submitted: Sequence[str]) -> None:
    """Raise Broken if the row says something else than the fold, or than was submitted.

    `submitted` has the texts of job.submitted and of the events that complete it.
    """
    kept = row.summary
    wrong = [name for name in Summary.__slots__ if getattr(kept, name) != getattr(folded, name)]
    if wrong:
        raise Broken(max(row.head, 1), _describe_differences(wrong, kept, folded))
    if row.head and (names := _not_as_submitted(row, submitted)):
        verb = "differs" if len(names) == 1 else "differ"
        raise Broken(
            1, f"The job's row does not match what was submitted: {', '.join(names)} {verb}."
        )


def _not_as_submitted(row: Job, texts: Sequence[str]) -> list[str]:
    event, *more = [event_of(seq, text) for seq, text in enumerate(texts, 1)]
    try:
        data = submission_data(event.data, [one.data for one in more])
        return inspect.not_as_submitted(row.pk, data, event.actor)
    except (LookupError, TypeError, AttributeError) as error:
        raise Broken(2, f"What completes event 1 does not fit it: {error!r}") from error
    except DataError as error:
        raise Broken(1, f"Event 1 is not a valid event: {error}") from error


def _describe_differences(names: Sequence[str], kept: Summary, folded: Summary) -> str:
    differences = [
        f"{name} is {show_value(getattr(kept, name))}, not {show_value(getattr(folded, name))}"
        for name in names
    ]
    return f"The job's row does not match its events: {', '.join(differences)}."


def show_value(value: Any) -> str:
    """Return a value in words, short enough for a sentence."""
    text = "nothing" if value in (None, "", ()) else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
