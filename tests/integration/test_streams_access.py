"""Access that ends while somebody follows, told at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest

from core.db import in_thread
from jobs.access import sessions, tokens
from jobs.models import ApiToken
from tests.support.clients import TRANSPORTS, Headers, Refused, session
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.people import Person, make_person, session_of
from tests.support.services import Services
from tests.support.waiting import until


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    """A process that asks again after an hour: what ends sooner ends by news."""
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, REPRISE_ACCESS_SECONDS="3600") as started,
    ):
        yield started


async def ends(
    scene: LiveServer, transport: str, job: UUID, headers: Headers, act: Callable[[], object]
) -> Refused:
    """Follow; do something once all has come; return what the follower was told."""
    caught_up = asyncio.Event()

    async def follow() -> None:
        async for item in TRANSPORTS[transport](scene.web, job, "0", headers):
            if item.kind == "caught_up":
                caught_up.set()

    following = asyncio.create_task(follow())
    await caught_up.wait()
    name = f'followers{{of="{transport}"}}'  # of a long poll only while a question is held
    await asyncio.to_thread(until, lambda: scene.counters().get(name), "a follower")
    await in_thread(act)
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(following, 60)
    return refused.value


CODES = {"websocket": (None, 4501), "sse": (200, None), "longpoll": (401, None)}


@pytest.mark.parametrize("transport", CODES)
async def test_whoever_signs_out_follows_no_longer(scene: LiveServer, transport: str) -> None:
    job = await scene.new_job(outputs(3))
    browser = await in_thread(scene.people.vera.browser)
    told = await ends(scene, transport, job, session(browser), browser.logout)
    assert told.code == "not_signed_in"
    assert (told.status, told.close) == CODES[transport]


async def test_whose_session_is_ended_elsewhere_follows_no_longer(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(3))
    vera = scene.people.vera
    browser = await in_thread(vera.browser)
    other = await in_thread(vera.browser)

    def end_others() -> None:
        others = [one for one in sessions.sessions_of(vera.user) if one.pk != session_of(other)]
        sessions.end_sessions(vera.user, others)

    told = await ends(scene, "websocket", job, session(browser), end_others)
    assert (told.code, told.close) == ("not_signed_in", 4501)
    async with httpx.AsyncClient(headers=session(other), timeout=60) as client:
        assert (await client.get(f"{scene.web.url}/api/jobs/{job}")).status_code == 200


@pytest.mark.parametrize("transport", CODES)
async def test_a_token_that_is_revoked_ends_what_it_opened(
    scene: LiveServer, transport: str
) -> None:
    job = await scene.new_job(outputs(3))
    dora = await person(scene, f"dora-{transport}")
    mine = ApiToken.objects.filter(user=dora.user)
    told = await ends(scene, transport, job, dora.headers, lambda: tokens.revoke_tokens(mine))
    assert told.code == "not_signed_in"
    assert (told.status, told.close) == CODES[transport]


async def test_whoever_leaves_the_team_is_told_that_it_is_not_theirs(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(3))
    emil = await person(scene, "emil")
    told = await ends(
        scene, "websocket", job, emil.headers, lambda: scene.people.red.members.remove(emil.user)
    )
    assert (told.code, told.close) == ("forbidden", 4503)


async def person(scene: LiveServer, name: str) -> Person:
    return await in_thread(make_person, name, "viewer", scene.people.red)
