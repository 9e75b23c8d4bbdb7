"""One transaction in as few round trips as there can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

from django.db import Error, connection, transaction


class AppendTransaction:
    """The statements of an append: in the caller's transaction, else in one of their own.

    One of their own takes two round trips where Django's would take four: `begin` rides with the
    first statements, `commit` with the last, as one simple query each
    (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT).
    Left without `last`, it is rolled back; so it is after an error.
    """

    def __init__(self) -> None:
        self._own = connection.get_autocommit()
        self._open = False
        self._joined: AbstractContextManager[None] = (
            nullcontext() if self._own else transaction.atomic(savepoint=False)
        )

    def __enter__(self) -> Self:
        self._joined.__enter__()
        self.cursor = connection.cursor()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if self._open:
                self.cursor.execute("rollback")
        except Error:  # its connection is gone, and the transaction with it
            connection.close()
        finally:
            self.cursor.close()
            self._joined.__exit__(kind, error, trace)

    def first(self, statements: str, values: Sequence[Any]) -> None:
        """Execute the first statements; the cursor stands on the first one's result."""
        self._open = self._own
        self.cursor.execute(f"begin;{statements}" if self._own else statements, values)
        if self._own:
            self.cursor.nextset()

    def only(self, statement: str, values: Sequence[Any]) -> None:
        """Execute a statement and commit, all in one round trip; the cursor stands on its result.

        What is to follow the commit is the caller's to do: the result says what that is.
        """
        self._open = self._own
        self.cursor.execute(f"begin;{statement};commit" if self._own else statement, values)
        self._open = False
        if self._own:
            self.cursor.nextset()

    def last(self, statements: str, values: Sequence[Any], then: Callable[[], None]) -> None:
        """Execute the last statements and commit; call `then` once that is certain."""
        self.cursor.execute(f"{statements};commit" if self._own else statements, values)
        self._open = False
        transaction.on_commit(then)
