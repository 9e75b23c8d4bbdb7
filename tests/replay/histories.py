"""Recorded histories: real runs, written by `manage.py record`, as they were then."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from core.records.record import read_record
from jobs.events import parse
from jobs.events.recording import recorded_states
from jobs.log.hints import Hint

FOLDER = Path(__file__).parent / "histories"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ndjson") if ".states" not in path.name)

_JOB = """
insert into jobs_job (id, kind, title, params, labels, plan, submitted_by, status, done, total,
                      failed, attempt, head, head_hash, message, waiting_for, fence, worker)
values (%s, %s, %s, %s, %s, %s, 'user:recorded', %s, %s, %s, %s, %s, %s, %s, '', '[]', 0, '')
on conflict (id) do update set
  status = excluded.status, done = excluded.done, total = excluded.total,
  failed = excluded.failed, attempt = excluded.attempt, head = excluded.head,
  head_hash = excluded.head_hash
"""
_EVENT = """
insert into jobs_event (job, seq, at, type, actor, target, text)
values (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class History:
    """One recorded run: its job, its events' texts, what each changed of the state."""

    job: UUID
    texts: list[str]
    changes: list[str]


def read(name: str) -> History:
    """Return a recorded history; the job's id is beside it, in the index."""
    index = json.loads((FOLDER / "index.json").read_text())
    job = UUID(index[name]["job"])
    lines = (FOLDER / f"{name}.ndjson").read_text().splitlines()  # with a header, or without
    changes = (FOLDER / f"{name}.states.ndjson").read_text().splitlines()
    return History(job, list(read_record(lines, job).texts), changes)


def load(history: History, database_url: str) -> None:
    """Put a history into a database exactly as recorded, past the one door in."""
    Growth(history, database_url).append(len(history.texts))


class Growth:
    """A history that comes into a database step by step."""

    def __init__(self, history: History, database_url: str) -> None:
        self._history = history
        self._database_url = database_url
        self._states = list(recorded_states(history.texts))
        self._head = 0

    def append(self, count: int) -> Hint | None:
        """Append the next events; return the hint that a worker would send, None at the end."""
        first, texts = self._head + 1, self._history.texts[self._head : self._head + count]
        if not texts:
            return None
        self._head += len(texts)
        state = self._states[self._head - 1]
        with psycopg.connect(self._database_url) as connection, connection.cursor() as cursor:
            for month in {parse(text).at[:7] for text in texts}:
                cursor.execute("select jobs_make_month(%s)", [f"{month}-01"])
            cursor.execute(_JOB, self._job_row(state))
            cursor.executemany(_EVENT, [_row(self._history.job, text) for text in texts])
        size = sum(map(len, texts))
        return Hint(self._history.job, first, self._head, state["status"], texts, size)

    def _job_row(self, state: dict[str, Any]) -> tuple[object, ...]:
        data = parse(self._history.texts[0]).data
        return (
            self._history.job, data["kind"], data["title"],
            *(json.dumps(data[name]) for name in ("params", "labels", "plan")),
            state["status"], state["done"], state["total"], state["failed"], state["attempt"],
            state["head"], bytes.fromhex(state["head_hash"]),
        )  # fmt: skip


def _row(job: UUID, text: str) -> tuple[object, ...]:
    event = parse(text)
    return (job, event.seq, event.at, event.type, event.actor, event.target, text)
