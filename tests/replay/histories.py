"""Recorded histories: real runs, written by `manage.py record`, as they were then."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from core import clock
from jobs.events import parse
from jobs.events.recording import recorded_states

FOLDER = Path(__file__).parent / "histories"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ndjson") if ".states" not in path.name)

_JOB = """
insert into jobs_job (id, kind, title, params, labels, plan, submitted_by, status, done, total,
                      failed, attempt, head, head_hash, message, waiting_for, fence, worker)
values (%s, %s, %s, %s, %s, %s, 'user:recorded', %s, %s, %s, %s, %s, %s, %s, '', '[]', 0, '')
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
    texts = (FOLDER / f"{name}.ndjson").read_text().splitlines()
    changes = (FOLDER / f"{name}.states.ndjson").read_text().splitlines()
    return History(UUID(index[name]["job"]), texts, changes)


def load(history: History, database_url: str) -> None:
    """Put a history into a database exactly as recorded, past the one door in."""
    *_, last = recorded_states(history.texts)
    data: dict[str, Any] = dict(parse(history.texts[0]).data)
    row = (
        history.job, data["kind"], data["title"],
        *(json.dumps(data[name]) for name in ("params", "labels", "plan")),
        last["status"], last["done"], last["total"], last["failed"], last["attempt"],
        last["head"], bytes.fromhex(last["head_hash"]),
    )  # fmt: skip
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("select jobs_make_month(%s)", [clock.parse(parse(history.texts[0]).at)])
        cursor.execute(_JOB, row)
        cursor.executemany(_EVENT, [_row(history.job, text) for text in history.texts])


def _row(job: UUID, text: str) -> tuple[object, ...]:
    event = parse(text)
    return (job, event.seq, event.at, event.type, event.actor, event.target, text)
