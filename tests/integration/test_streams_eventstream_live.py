"""django-eventstream's form while nothing happens, and once access is taken away."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse

from core.db import in_thread
from tests.support.live_server import LiveServer, live_server
from tests.support.services import Services


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url,
            services.valkey.url,
            REPRISE_HEARTBEAT_SECONDS="0.3",
            REPRISE_ACCESS_SECONDS="0.5",
        ) as started,
    ):
        yield started


async def test_keep_alives_break_the_silence_until_access_is_taken_away(scene: LiveServer) -> None:
    job, bob = await scene.new_job(), scene.people.bob
    url, name = f"{scene.web.url}/events/", f"job-{job}"
    got: list[ServerSentEvent] = []
    async with (
        httpx.AsyncClient(timeout=60, headers=bob.headers) as client,
        aconnect_sse(client, "GET", url, params={"channel": name}) as source,
    ):
        async for message in source.aiter_sse():
            got.append(message)
            if [one.event for one in got].count("keep-alive") == 2:
                await in_thread(scene.people.red.members.remove, bob.user)
    assert [one.data for one in got if one.event == "message"] == scene.rows(job)
    assert (got[-1].event, got[-1].id) == ("stream-error", "error")
    assert got[-1].json() == {
        "condition": "forbidden", "text": "You no longer have access to this job.",
        "channels": [name],
    }  # fmt: skip
