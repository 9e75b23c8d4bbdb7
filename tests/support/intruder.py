"""Changes a log as the owner of the database can: triggers off, then any statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import psycopg

from jobs.events import first_hash, next_hash, split_hash, with_hash
from tests.support.services import Services, with_database


@dataclass(frozen=True)
class Intruder:
    """A superuser whose session runs no triggers."""

    connection: psycopg.Connection[tuple[object, ...]]

    def run(self, statement: str, *values: object) -> int:
        """Execute a statement; return how many rows it touched."""
        return self.connection.execute(statement.encode(), values).rowcount

    def texts(self, job: UUID) -> list[str]:
        """Return a job's events as the table has them."""
        rows = self.connection.execute(
            "select text from jobs_event where job = %s order by seq", [job]
        )
        return [str(text) for (text,) in rows]

    def change(self, job: UUID, seq: int, old: str, new: str) -> None:
        """Replace a part of one text."""
        statement = "update jobs_event set text = replace(text, %s, %s) where job = %s and seq = %s"
        assert self.run(statement + " and strpos(text, %s) > 0", old, new, job, seq, old) == 1

    def rewrite(self, job: UUID, texts: Sequence[str], *, row: bool = True) -> None:
        """Store other texts from seq 1 on with a chain that holds, and fit the row's head to it."""
        previous = first_hash(job)
        for seq, text in enumerate(texts, 1):
            body, _hash = split_hash(text)
            previous = next_hash(previous, body.encode())
            statement = "update jobs_event set text = %s where job = %s and seq = %s"
            assert self.run(statement, with_hash(body, previous), job, seq) == 1
        if row:
            self.run("update jobs_job set head_hash = %s where id = %s", previous, job)


@contextmanager
def open_intruder(services: Services, database: str) -> Iterator[Intruder]:
    """Let an intruder into a test's database."""
    name = database.rsplit("/", 1)[1]
    address = with_database(services.postgres.superuser_url, name)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        yield Intruder(connection)
