"""Through every proxy that holds, cuts, compresses or refuses, the history comes whole."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from uuid import UUID

import pytest

from streams.client import TRANSPORTS, Follower, Given, Patience, State
from tests.proxies import KINDS, running
from tests.proxies.noted import Record, note
from tests.services import Services
from tests.stage import Stage, outputs, stage

REVERSE = [name for name, kind in KINDS.items() if not kind.forward]
FORWARD = [name for name, kind in KINDS.items() if kind.forward]
IMPATIENT = "nginx with 3 s of patience"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# More than any proxy's buffers hold, so that its beginning passes; and less, so that nothing does.
LONG, SHORT = 400, 5
EVERY = "every transport"
# Below the default, so that what is held is left soon; it doubles where this machine is slow.
PATIENCE = Patience(first_frame_s=2.0)


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[Stage]:
    with (
        services.database() as database_url,
        stage(database_url, services.valkey.url) as staged,
    ):
        yield staged


@pytest.fixture(scope="module")
def proxies(scene: Stage) -> Iterator[dict[str, str]]:
    """The addresses of all reverse proxies."""
    with running(REVERSE, scene.web.port) as addresses:
        yield addresses


@pytest.mark.parametrize(
    ("history", "transports"),
    [(LONG, TRANSPORTS), (LONG, TRANSPORTS[1:]), (SHORT, TRANSPORTS[1:])],
    ids=[EVERY, "HTTP alone", "HTTP alone, a short history"],
)
async def test_through_every_reverse_proxy_all_at_once(
    scene: Stage,
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
    scene: Stage, name: str, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    for variable in PROXY_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    with running([name], scene.web.port) as addresses:
        monkeypatch.setenv("http_proxy", addresses[name])
        found = await comes_whole(scene, name, scene.web.url, LONG, TRANSPORTS, trust_env=True)
    note(record_property, name, f"Python, {EVERY}", *found)


async def test_cut_for_its_silence_it_comes_back_again_and_again(
    scene: Stage, proxies: dict[str, str]
) -> None:
    job, token = await scene.new_job(outputs(SHORT)), scene.people.alice.raw
    cuts, texts = 0, list[str]()
    writing: asyncio.Task[None] | None = None
    async with Follower(
        str(job), server=proxies[IMPATIENT], token=token, trust_env=False
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


async def comes_whole(
    scene: Stage,
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


async def write(scene: Stage, job: UUID) -> None:
    """Append a little, then the end."""
    chance = random.Random(11)
    for _ in range(10):
        await scene.append(job, *outputs(chance.randrange(1, 9)))
    await scene.finish(job)
