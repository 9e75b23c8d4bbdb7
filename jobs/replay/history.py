"""Recorded histories: what the log of one job had, read from a file and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from core.errors import RepriseError
from core.records.record import RecordInvalid, read_record
from jobs.events import Event, parse
from jobs.events.upcasters import NoUpcaster

UNKNOWN_JOB = UUID(int=0)
# What parsing and upcasting raise for a text that no append has made, or one that has no upcaster.
_NO_EVENT = (RepriseError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class HistoryInvalid(RepriseError):
    """The file is no recorded history, or it was changed; the message names the line."""

    code = "history_invalid"
    status = 400


@dataclass(frozen=True)
class History:
    """One job's log, from its first event on; `texts` are the events exactly as stored.

    `header` is the record's first line, empty for a file of events only; such a file does not say
    which job it is of, and `job` is UNKNOWN_JOB unless the caller knew it.
    """

    job: UUID
    kind: str
    texts: tuple[str, ...]
    header: Mapping[str, Any]

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The events, their data as today's versions have it; HistoryInvalid if one has none."""
        first = 2 if self.header else 1
        return tuple(_parse_event(number, text) for number, text in enumerate(self.texts, first))


def load_history(path: Path, job: UUID | None = None) -> History:
    """Read a history from a file; HistoryInvalid as `parse_history`, and if there is no such file.

    The message begins with the file's name.
    """
    try:
        with path.open("rb") as file:
            return parse_history(file, job)
    except HistoryInvalid as error:
        raise HistoryInvalid(f"{path.name}: {error.message}") from error
    except OSError as error:
        raise HistoryInvalid(f"{path}: {error.strerror}") from error


def parse_history(lines: Iterable[str | bytes], job: UUID | None = None) -> History:
    """Return the history that these lines are: a record, or the events of one job.

    Raises HistoryInvalid, whose message names the line and what is wrong with it. `job` is needed
    only to check the first event of a file without a header.
    """
    try:
        record = read_record(lines, job)
    except RecordInvalid as error:
        raise HistoryInvalid(str(error)) from error
    named = UUID(record.header["job"]) if record.header else job or UNKNOWN_JOB
    history = History(named, record.kind, record.texts, record.header)
    _ = history.events
    return history


def _parse_event(number: int, text: str) -> Event:
    try:
        return parse(text)
    except RepriseError as error:
        raise HistoryInvalid(f"Line {number}: {error.message}") from error
    except NoUpcaster as error:
        raise HistoryInvalid(f"Line {number}: {error}.") from error
    except _NO_EVENT as error:
        raise HistoryInvalid(f"Line {number}: this event cannot be read: {error!r}.") from error
