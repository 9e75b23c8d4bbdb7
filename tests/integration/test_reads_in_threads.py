"""A read from an event loop comes through although its connection is cut."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from core.db import in_thread, read_in_thread

pytestmark = pytest.mark.usefixtures("database")


class CutOnce:
    """Ends its own backend the first time that it is called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        with connection.cursor() as cursor:
            if self.calls == 1:
                cursor.execute("select pg_terminate_backend(pg_backend_pid())")
            cursor.execute("select 7")
            return int(cursor.fetchone()[0])


async def test_a_read_whose_connection_is_cut_is_done_again() -> None:
    assert await read_in_thread(CutOnce()) == 7


async def test_any_other_call_is_made_once() -> None:
    with pytest.raises(OperationalError):
        await in_thread(CutOnce())
    assert await in_thread(lambda: 7) == 7
