"""Exports count as followers: limits admit them, slow readers hold them, lost access cuts them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest

from core.db import in_thread
from jobs.access import tokens
from jobs.models import ApiToken
from tests.support.factories import output
from tests.support.feeding import feed_everything
from tests.support.live_server import SERVERS, LiveServer, live_server
from tests.support.people import Person, make_person
from tests.support.services import Services
from tests.support.waiting import until

OF_A_USER = 2
BYTES, MIB = 60_000, 1024 * 1024
WINDOW = 64 * 1024
# What one export may hold, in the process and in the kernel, and as many events as are far more.
MOST = MIB
EVENTS = 4 * MIB // BYTES
# Requests that a server answers while it is asked whether it waits.
LOOKS = 5
AS_LINES = {"Accept": "application/x-ndjson", "Accept-Encoding": "identity"}
ADDRESSES = (
    "/api/jobs/{job}/events", "/api/jobs/{job}/pages", "/api/jobs/{job}/pages/1000", "/api/audit"
)  # fmt: skip


@pytest.fixture(scope="module", params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """A process that asks again about access after an hour: what ends sooner ends by news."""
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url, request.param,
            REPRISE_ACCESS_SECONDS="3600", REPRISE_MAX_FOLLOWERS_PER_USER=str(OF_A_USER),
        ) as started,
    ):  # fmt: skip
        yield started


@pytest.fixture(scope="module")
def job(scene: LiveServer) -> UUID:
    """A job with more events than the way to a reader holds, all of them in the feed."""
    long = scene.job([output("x" * BYTES) for _ in range(EVENTS)])
    feed_everything()
    return long


@pytest.fixture(params=ADDRESSES, ids=["job", "pages", "page", "audit"])
def address(request: pytest.FixtureRequest, scene: LiveServer, job: UUID) -> str:
    return scene.web.url + str(request.param).format(job=job)


@asynccontextmanager
async def exporting(address: str, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
    """Have an export begun that takes little ahead."""
    options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)]
    transport = httpx.AsyncHTTPTransport(socket_options=options)
    async with (
        httpx.AsyncClient(timeout=60, transport=transport) as client,
        client.stream("GET", address, headers=headers | AS_LINES) as got,
    ):
        yield got


async def wait_for(scene: LiveServer, count: int) -> None:
    """Wait until the process knows of so many followers that export, and of no others."""

    def there() -> bool:
        found = scene.counters()
        return found.get('followers{of="export"}', 0) == count == found["blocked"]

    await asyncio.to_thread(until, there, f"{count} exports under way")


async def stalled_bytes(scene: LiveServer, base: int) -> int:
    """Return how many bytes beyond `base` were sent once the server sends no more of them."""
    before, same = -1, 0
    while same < LOOKS:
        now = (await asyncio.to_thread(scene.counters)).get('sent_bytes_total{of="export"}', 0)
        same = same + 1 if now == before else 0
        before = now
    return before - base


async def test_an_export_counts_as_a_follower_until_it_ends(
    scene: LiveServer, address: str
) -> None:
    before = scene.counters()
    async with exporting(address, scene.people.alice.headers) as got:
        await wait_for(scene, 1)
        lines = [line async for line in got.aiter_lines()]
    await wait_for(scene, 0)
    after = scene.counters()
    for name, amount in (("events", len(lines)), ("bytes", sum(map(len, lines)) + len(lines))):
        name = f'sent_{name}_total{{of="export"}}'
        assert after[name] - before.get(name, 0) == amount
    assert len(lines) >= EVENTS


async def test_one_export_too_many_is_told_when_to_come_back(
    scene: LiveServer, address: str
) -> None:
    headers = scene.people.alice.headers
    async with exporting(address, headers), exporting(address, headers):
        await wait_for(scene, OF_A_USER)
        async with exporting(address, headers) as refused:
            problem = await refused.aread()
            assert (refused.status_code, json.loads(problem)["code"]) == (429, "over_limit")
            assert int(refused.headers["Retry-After"]) >= 5
        async with exporting(address, scene.people.root.headers) as got:
            # Somebody else has room of their own, and those who read nothing are not in their way.
            assert len([line async for line in got.aiter_lines()]) >= EVENTS
    await wait_for(scene, 0)


async def test_an_export_is_not_sent_faster_than_it_is_read(
    scene: LiveServer, address: str
) -> None:
    base = scene.counters().get('sent_bytes_total{of="export"}', 0)
    async with exporting(address, scene.people.alice.headers) as got:
        await wait_for(scene, 1)
        assert 0 < await stalled_bytes(scene, base) < MOST
        assert len([line async for line in got.aiter_lines()]) >= EVENTS


def disable(person: Person) -> None:
    person.user.is_active = False
    person.user.save()


def revoke_token(person: Person) -> None:
    tokens.revoke_tokens(ApiToken.objects.filter(user=person.user))


def leave_team(person: Person) -> None:
    for team in person.user.reprise_teams.all():
        team.members.remove(person.user)


def lose_role(person: Person) -> None:
    person.user.groups.clear()


@pytest.mark.parametrize("act", [disable, revoke_token, leave_team, lose_role])
async def test_an_export_is_cut_when_access_ends(
    scene: LiveServer, address: str, act: Callable[[Person], None]
) -> None:
    name = f"{act.__name__}-{address[-5:]}"
    person = await in_thread(make_person, name, "viewer", scene.people.red)
    before = sent_off(scene)
    base = scene.counters().get('sent_bytes_total{of="export"}', 0)
    async with exporting(address, person.headers) as got:
        await wait_for(scene, 1)
        await in_thread(act, person)
        await asyncio.to_thread(until, lambda: sent_off(scene) > before, "the check of access")
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):  # it does not look whole
            await got.aread()
    assert scene.counters()['sent_bytes_total{of="export"}'] - base < MOST
    await wait_for(scene, 0)


def sent_off(scene: LiveServer) -> int:
    found = scene.counters().items()
    return sum(value for name, value in found if name.startswith("sent_off"))
