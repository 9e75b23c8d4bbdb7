"""procrastinate behind the port: it ends when it is told to, whatever it is doing just then."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from jobs.queue.postgres import Procrastinate

PATIENCE_SECONDS = 60.0


async def ignore(job: UUID) -> None:
    """Take nothing."""


@pytest.mark.parametrize("moment", [0, 0.01, 0.03, 0.1])
@pytest.mark.usefixtures("database")
async def test_it_ends_also_where_it_is_cancelled_while_it_starts(moment: float) -> None:
    serving = asyncio.create_task(Procrastinate().serve(ignore, "test/1", 2))
    await asyncio.sleep(moment)
    serving.cancel()
    ended, _ = await asyncio.wait([serving], timeout=PATIENCE_SECONDS)
    assert ended
