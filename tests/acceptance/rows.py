"""Reads the log with bare psycopg, without the project's code."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, LiteralString

import psycopg

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})


class Rows:
    """What the database of a copy holds, read over one connection; `close` it in the end."""

    def __init__(self, url: str) -> None:
        self._url = url

    def texts(self, job: str) -> list[bytes]:
        """Return the stored bytes of a job's events, seq 1 to the head, without a gap."""
        wanted: LiteralString = (
            "select seq, convert_to(text, 'UTF8') from jobs_event where job = %s order by seq"
        )
        rows = self.all(wanted, job)
        assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1)), "the log has gaps"
        return [bytes(text) for _, text in rows]

    def events(self, job: str, kind: str = "%", after: int = 0) -> list[dict[str, Any]]:
        """Return a job's events of a type (an SQL pattern) after a seq, parsed."""
        rows = self.all(
            "select text from jobs_event where job = %s and type like %s and seq > %s order by seq",
            job, kind, after,
        )  # fmt: skip
        return [json.loads(text) for (text,) in rows]

    def head(self, job: str) -> int:
        """Return the highest seq of a job."""
        [(seq,)] = self.all("select coalesce(max(seq), 0) from jobs_event where job = %s", job)
        return int(seq)

    def status(self, job: str) -> str:
        """Return the status in a job's row."""
        [(status,)] = self.all("select status from jobs_job where id = %s", job)
        return str(status)

    def fence(self, job: str) -> int:
        """Return the fence in a job's row: it moves when somebody takes the job."""
        [(fence,)] = self.all("select fence from jobs_job where id = %s", job)
        return int(fence)

    def has_ended(self, job: str) -> bool:
        """Return whether a job's status is terminal."""
        return self.status(job) in TERMINAL

    def is_fed(self, job: str) -> bool:
        """Return whether the feed, which the history page reads, has all of a job's log."""
        [(fed, head)] = self.all(
            "select (select count(*) from jobs_feed where job = id), head from jobs_job"
            " where id = %s",
            job,
        )
        return bool(fed == head)

    def everything(self) -> dict[str, list[Any]]:
        """Return what a refused request must leave as it is: jobs, their logs, claims.

        Not the system's own log, which has the sign-in before the request.
        """
        jobs: LiteralString = "select {} from jobs_job job where kind <> 'system' order by id"
        logs: LiteralString = "select job, seq, text from jobs_event where job in ({})"
        return {
            "jobs": self.all(jobs.format("to_jsonb(job)::text")),
            "logs": sorted(self.all(logs.format(jobs.format("id")))),
            "claims": self.all("select to_jsonb(claim)::text from jobs_claim claim order by 1"),
        }

    def all(self, statement: LiteralString, *parameters: object) -> list[Any]:
        """Return every row of a query."""
        return self._connection.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Close the connection, where there is one."""
        if "_connection" in self.__dict__:
            self._connection.close()

    @cached_property
    def _connection(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url, autocommit=True)
