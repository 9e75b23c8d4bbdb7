"""Calling a kind's code for its word on a job to be: it may raise anything, or never answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from django.db import Error, connection

from core.db import leave_pool
from core.errors import RepriseError
from core.user_code import describe_error

PATIENCE_SECONDS = 10.0

T = TypeVar("T")
_silent: dict[str, threading.Thread] = {}


class KindFailed(RepriseError):
    """A job kind's code failed before there was a job."""

    code = "kind_failed"


@contextmanager
def guard_kind(kind: str) -> Iterator[None]:
    """Turn whatever a kind's code raises into KindFailed, but for errors that say what they are.

    `sys.exit` and its like are meant for a program of the kind's own, not for this one. Errors of
    the database stay what they are: they may be the database's.
    """
    try:
        yield
    except (RepriseError, Error):
        raise
    except BaseException as error:
        raise KindFailed(f"The kind {kind} failed: {describe_error(error)}") from error


def ask_kind(kind: str, work: Callable[[], T], patience: float | None = None) -> T:
    """Return what `work`, which calls a kind's code, returns; KindFailed if it takes too long.

    It runs in a thread with a database connection of its own, since nothing else gets rid of code
    that never returns. Until it does, every further question about the kind fails at once.
    """
    silent = _silent.get(kind)
    if silent is not None and silent.is_alive():
        raise KindFailed(f"The kind {kind} has not answered an earlier question yet.")
    seconds = PATIENCE_SECONDS if patience is None else patience
    answer: Future[T] = Future()
    thread = threading.Thread(
        target=_call_in_thread, args=(answer, work), name=f"ask-{kind}", daemon=True
    )
    thread.start()
    try:
        error = answer.exception(seconds)
    except TimeoutError:
        _silent[kind] = thread
        raise KindFailed(f"The kind {kind} did not answer within {seconds:g} s.") from None
    if error is not None:
        with guard_kind(kind):
            raise error
    return answer.result()


def _call_in_thread(answer: Future[T], work: Callable[[], T]) -> None:
    leave_pool()
    try:
        answer.set_result(work())
    except BaseException as error:  # noqa: BLE001 - a kind's code: it is handed to who asked
        answer.set_exception(error)
    finally:
        connection.close()
