"""Through every proxy that holds, cuts, compresses or refuses, the history comes whole."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from uuid import UUID

import pytest

from jobs.log import Appended
from streams.client import TRANSPORTS, Follower, Given, Patience, State
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.proxies import HELD, KINDS, running
from tests.support.proxies.summary import Record, note
from tests.support.services import Services

REVERSE = [name for name, kind in KINDS.items() if not kind.forward]
FORWARD = [name for name, kind in KINDS.items() if kind.forward]
IMPATIENT_NGINX = "nginx with 1 s of patience"
HOLDING = [f"nginx that holds the last {size}" for size in HELD]
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# More than any proxy's buffers hold, so that its beginning passes; and less, so that nothing does.
LONG, SHORT = 400, 5
EVERY = "every transport"
# Below the default, so that what is held is left soon; it doubles where this machine is slow.
PATIENCE = Patience(first_frame_s=2.0)


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def proxies(scene: LiveServer) -> Iterator[dict[str, str]]:
    """The addresses of all reverse proxies."""
    with running(REVERSE, scene.web.port) as addresses:
        yield addresses


@pytest.mark.parametrize(
    ("history", "transports"),
    [(LONG, TRANSPORTS), (LONG, TRANSPORTS[1:]), (SHORT, TRANSPORTS[1:])],
    ids=[EVERY, "HTTP alone", "HTTP alone, a short history"],
)
async def test_through_every_reverse_proxy_all_at_once(
    scene: LiveServer,
    proxies: dict[str, str],
    history: int,
    transports: Sequence[str],
    request: pytest.FixtureRequest,
    record_property: Record,
) -> None:
    case = request.node.callspec.id
    async with asyncio.TaskGroup() as group:
        following = {
            name: group.create_task(comes_whole(scene, name, url, history, transports))
            for name, url in proxies.items()
        }
    for name, task in following.items():
        note(record_property, name, f"Python, {case}", *task.result())


@pytest.mark.parametrize("name", FORWARD)
async def test_through_a_forward_proxy_that_refuses_to_tunnel(
    scene: LiveServer, name: str, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    for variable in PROXY_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    with running([name], scene.web.port) as addresses:
        monkeypatch.setenv("http_proxy", addresses[name])
        found = await comes_whole(scene, name, scene.web.url, LONG, TRANSPORTS, trust_env=True)
    note(record_property, name, f"Python, {EVERY}", *found)


async def test_cut_for_its_silence_it_comes_back_again_and_again(
    scene: LiveServer, proxies: dict[str, str]
) -> None:
    job, token = await scene.new_job(outputs(SHORT)), scene.people.alice.raw
    cuts, texts = 0, list[str]()
    writing: asyncio.Task[None] | None = None
    async with Follower(
        str(job), server=proxies[IMPATIENT_NGINX], token=token, trust_env=False
    ) as following:
        async for happening in following.stream():
            if isinstance(happening, Given):
                texts += [event.raw.decode() for event in happening.events]
            elif following.info.state is State.RECONNECTING and following.info.wait_s is not None:
                cuts += 1
            if cuts == 2 and writing is None:
                writing = asyncio.create_task(write(scene, job))
    assert writing is not None
    await writing
    assert texts == scene.rows(job)
    assert following.info.resumed is not None


async def test_what_is_held_before_a_pause_is_not_said_to_be_all(
    scene: LiveServer, proxies: dict[str, str], record_property: Record
) -> None:
    async with asyncio.TaskGroup() as group:
        lies = {
            name: group.create_task(said_to_be_all(scene, name, proxies[name])) for name in HOLDING
        }
    for name, seconds in lies.items():
        note(record_property, name, "Python, live without an event, at most", "", seconds.result())


async def said_to_be_all(scene: LiveServer, name: str, server: str) -> float:
    """Have everything come through a proxy, then one event that it holds back, and a pause.

    Return for how many seconds together the follower was live without that event.
    """
    job = await scene.new_job(outputs(SHORT))
    paused, told = asyncio.Event(), list[tuple[float, State, int]]()
    filling = asyncio.create_task(fill(scene, job, paused))
    async with Follower(
        str(job), server=server, token=scene.people.alice.raw, trust_env=False
    ) as following:
        ending: asyncio.Task[Appended] | None = None
        async for _ in following.stream():
            info = following.info
            told.append((time.monotonic(), info.state, info.seq))
            if info.state is State.LIVE:
                paused.set()
            if info.transport == "long poll" and info.state is State.LIVE and ending is None:
                ending = asyncio.create_task(scene.finish(job))
    assert ending is not None, name
    await ending
    last, since = await filling
    assert (following.info.status, following.info.seq) == ("succeeded", last + 1), name
    assert State.QUIET in {state for _, state, _ in told}, name
    spans = (
        min(until - since, until - at)
        for (at, state, seq), (until, _, _) in pairwise(told)
        if state is State.LIVE and seq < last and until > since
    )
    return max(spans, default=0.0)


async def fill(scene: LiveServer, job: UUID, paused: asyncio.Event) -> tuple[int, float]:
    """Append until a follower is caught up: what is held goes on with what comes after it.

    Return the seq of the last event before the pause, which nothing comes after, and its time.
    """
    while not paused.is_set():
        await scene.append(job, *outputs(SHORT))
    return (await scene.append(job, *outputs(1))).last, time.monotonic()


async def comes_whole(
    scene: LiveServer,
    name: str,
    server: str,
    history: int,
    transports: Sequence[str],
    *,
    trust_env: bool = False,
) -> tuple[str, float]:
    """Follow a job through a proxy: what there is, what comes live, to the end.

    Return over what it ended, and after how many seconds the first event came.
    """
    job = await scene.new_job(outputs(history, 'é\u2028\r\n"}],data: '))
    began, first = time.monotonic(), 0.0
    texts: list[str] = []
    writing: asyncio.Task[None] | None = None
    async with Follower(
        str(job), server=server, token=scene.people.alice.raw, verify=True,
        transports=transports, patience=PATIENCE, trust_env=trust_env,
    ) as following:  # fmt: skip
        async for happening in following.stream():
            if isinstance(happening, Given):
                first = first or time.monotonic() - began
                texts += [event.raw.decode() for event in happening.events]
            if writing is None and following.info.state is State.LIVE:
                writing = asyncio.create_task(write(scene, job))
    info = following.info
    assert writing is not None, name
    await writing
    assert texts == scene.rows(job), name
    assert (info.status, info.duplicates, info.gaps) == ("succeeded", 0, 0), name
    assert info.transport not in KINDS[name].blocks, name
    return str(info.transport), first


async def write(scene: LiveServer, job: UUID) -> None:
    """Append a little, then the end."""
    chance = random.Random(11)
    for _ in range(10):
        await scene.append(job, *outputs(chance.randrange(1, 9)))
    await scene.finish(job)
