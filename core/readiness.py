"""What `/readyz` answers, in every kind of process: each check's result, and all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.db import Error, connection
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError

PATIENCE_SECONDS = 3.0
READY, NOT_READY, GOING_DOWN = "ready", "not ready", "going down"

Result = dict[str, Any]
Found = str | Mapping[str, Any] | None
"""What a check returns: None, a warning in a few words, or members of its own for its result."""


class NotReady(Exception):
    """A dependency answers, but not as it must; the message says what to do."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.more = more


def describe_success(found: Found, began: float) -> Result:
    """Return the result of a check that returned."""
    more = {"warning": found} if isinstance(found, str) else dict(found or {})
    return {"ok": True, **more, "ms": _since(began)}


def describe_failure(error: Exception, began: float) -> Result:
    """Return the result of a check that raised; raises again what no check is expected to."""
    more = error.more if isinstance(error, NotReady) else {}
    return {"ok": False, "problem": _in_words(error), **more, "ms": _since(began)}


def summarize(results: Mapping[str, Result]) -> tuple[Result, int]:
    """Return the answer's body and its status."""
    ready = all(result["ok"] for result in results.values())
    return {"status": READY if ready else NOT_READY, **results}, 200 if ready else 503


def check_database() -> None:
    """Ask the database for anything."""
    with connection.cursor() as cursor:
        cursor.execute("select 1")


def _in_words(error: Exception) -> str:
    match error:
        case NotReady():
            return str(error)
        case Error() | PoolTimeout() | RedisError():
            return type(error).__name__  # its message may name hosts and users
        case TimeoutError():
            return f"no answer within {PATIENCE_SECONDS:g} s"
        case OSError():
            return type(error).__name__
    raise error


def _since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
