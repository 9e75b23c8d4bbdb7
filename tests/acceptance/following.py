"""Several followers of one job at once, and what they must have got when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from jobs.events.recording import broken_at
from tests.acceptance.followers import TRANSPORTS, Follower, Plan
from tests.acceptance.up import Up


def on_every_transport(up: Up, job: str, plan: Plan, url: str | None = None) -> list[Follower]:
    """Return a follower of the job on each transport, not started yet."""
    return [transport(url or up.url, up.token, job, plan) for transport in TRANSPORTS]


@asynccontextmanager
async def followed(up: Up, followers: Sequence[Follower]) -> AsyncIterator[None]:
    """Follow to the end of their jobs, while the body runs; then compare with the rows."""
    async with asyncio.TaskGroup() as group:
        for follower in followers:
            group.create_task(follower.follow())
        yield
    for follower in followers:
        missed_nothing(up, follower)


def missed_nothing(up: Up, follower: Follower) -> None:
    """Hold what a follower got against the rows, byte for byte, and the rows' chain too."""
    stored = up.rows.texts(follower.job)
    assert len(follower.texts) == len(stored), f"{follower} has not what the log has"
    for seq, (got, row) in enumerate(zip(follower.texts, stored, strict=True), start=1):
        assert got == row, f"{follower}: event {seq} is not what the log has"
    assert follower.ended == up.rows.status(follower.job)
    assert broken_at(UUID(follower.job), [row.decode() for row in stored]) is None
