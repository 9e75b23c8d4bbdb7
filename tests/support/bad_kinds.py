"""A job kind whose code goes wrong before there is a job, where and how its parameters say."""

from __future__ import annotations

import sys
import threading
from typing import Any

from django.db import OperationalError, connection
from pydantic import BaseModel

from jobs.kinds import Kind, Plan


class OwnExit(BaseException):
    """What a library ends its own program with."""


class Unspeakable(Exception):
    """Cannot even be put in words."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def hang() -> None:
    """Answer when the test says so."""
    Bad.release.wait()


def query() -> None:
    """Fail in the database, by the kind's own fault."""
    with connection.cursor() as cursor:
        cursor.execute("select no_such_column from no_such_table")


def raising(error: BaseException) -> Any:
    """Return a function that raises an exception."""

    def go() -> None:
        raise error

    return go


HOW: dict[str, Any] = {
    "exit": lambda: sys.exit(2),
    "interrupt": raising(KeyboardInterrupt()),
    "generator": raising(GeneratorExit()),
    "stop": raising(StopIteration()),
    "own": raising(OwnExit("gone")),
    "value": raising(ValueError("not today")),
    "nul": raising(ValueError("a \0 and a \ud800")),
    "long": raising(ValueError("x" * 100_000)),
    "wordless": raising(Unspeakable()),
    "away": raising(OperationalError("no such host")),
    "query": query,
    "hang": hang,
}


class How(BaseModel):
    """Where it goes wrong, and how: a key of HOW, or what the hook returns instead."""

    where: str = ""
    how: str = ""
    returns: Any = None


class Bad(Kind[How]):
    """Goes wrong in one of its hooks."""

    name = "test-bad"
    title = "Go wrong"
    Params = How
    release = threading.Event()

    def settle(self, params: How) -> How:
        """Go wrong, or return the parameters as they are."""
        settled: How = self._at("settle", params, params)
        return settled

    def check(self, params: How) -> None:
        """Go wrong, or let them pass."""
        self._at("check", params, None)

    def plan(self, params: How) -> Plan:
        """Go wrong, or plan nothing."""
        plan: Plan = self._at("plan", params, Plan())
        return plan

    def total(self, params: How) -> int:
        """Go wrong, or count nothing."""
        total: int = self._at("total", params, 0)
        return total

    def title_for(self, params: How) -> str:
        """Go wrong, or return the kind's own."""
        title: str = self._at("title_for", params, self.title)
        return title

    def _at(self, where: str, params: How, value: Any) -> Any:
        if params.where != where:
            return value
        if params.how:
            HOW[params.how]()
            return value
        return params.returns

    def run(self, run: Any, params: How) -> None:
        """Do nothing: it never comes to this."""


PATHS = ("tests.support.bad_kinds.Bad",)
