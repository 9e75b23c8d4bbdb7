"""The Python follower and its command, against a real server."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from jobs.events import EventType, NewEvent
from jobs.log import cursor_of
from ops.embedded import ports
from streams.client import (
    TRANSPORTS,
    Follower,
    Given,
    Patience,
    Refused,
    State,
    Told,
    Unreachable,
    follow,
)
from tests.support.client_command import reprise, result
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.relay import LinkOptions, relayed
from tests.support.services import Services

ODD = 'é\u2028\r\n"}],data: \x1b[32m'


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url, services.valkey.url,
            REPRISE_HEARTBEAT_SECONDS="0.5", REPRISE_ROTATE_SECONDS="2",
        ) as started,
    ):  # fmt: skip
        yield started


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def follower(
    scene: LiveServer, job: object, transport: str, after: str = "0", token: str | None = None
) -> Follower:
    return Follower(
        f"{scene.web.url}/jobs/{job}", after=after, transports=[transport], verify=after == "0",
        token=scene.people.alice.raw if token is None else token,
    )  # fmt: skip


async def write(scene: LiveServer, job: UUID, chance: random.Random, count: int) -> None:
    for _ in range(count):
        await scene.append(job, *outputs(chance.randrange(1, 9), ODD))
    await scene.finish(job)


async def test_history_then_live_then_the_end_byte_for_byte(
    scene: LiveServer, transport: str
) -> None:
    job = await scene.new_job(outputs(2500, ODD))
    texts, states = [], []
    writing: asyncio.Task[None] | None = None
    async with follower(scene, job, transport) as following:
        async for happening in following.stream():
            if isinstance(happening, Given):
                texts += [event.raw.decode() for event in happening.events]
            elif isinstance(happening, Told):
                states.append(happening.info.state)
            if writing is None and following.info.state is State.LIVE:
                writing = asyncio.create_task(write(scene, job, random.Random(5), 20))
    assert writing is not None
    await writing
    assert texts == scene.rows(job)
    assert (following.info.state, following.info.status) == (State.ENDED, "succeeded")
    assert following.info.transport == transport
    assert states.index(State.CATCHING_UP) < states.index(State.LIVE)
    assert (following.info.duplicates, following.info.gaps) == (0, 0)


async def test_left_at_any_event_it_goes_on_from_that_ones_cursor(
    scene: LiveServer, transport: str
) -> None:
    chance = random.Random(2301)
    job = await scene.new_job(outputs(300))
    writing = asyncio.create_task(write(scene, job, chance, 40))
    texts: list[str] = []
    ended = False
    while not ended:
        after = cursor_of(texts[-1]) if texts else "0"
        stop_at = chance.randrange(1, 200)
        async with follower(scene, job, transport, after) as following:
            count = 0
            async for event in following:
                texts.append(event.raw.decode())
                count += 1
                if count >= stop_at:
                    break
            else:
                ended = True
    await writing
    assert texts == scene.rows(job)


async def test_closed_and_iterated_again_it_misses_nothing(
    scene: LiveServer, transport: str
) -> None:
    job = await scene.new_job(outputs(500))
    await scene.finish(job)
    following, texts = follower(scene, job, transport), []
    async for event in following:
        texts.append(event.raw.decode())
        if len(texts) == 123:
            break
    with pytest.raises(RuntimeError, match="close it first"):
        following.stream()
    await following.close()
    texts += [event.raw.decode() async for event in following]
    assert texts == scene.rows(job)


async def test_cut_in_the_middle_of_anything_it_comes_back(
    scene: LiveServer, transport: str
) -> None:
    job = await scene.new_job(outputs(1500, ODD))
    chance = random.Random(2302)
    cuts = LinkOptions(cut_first=tuple(chance.randrange(300_000) for _ in range(5)))
    async with relayed(scene.web.port, cuts) as relay:
        writing = asyncio.create_task(write(scene, job, random.Random(2302), 20))
        async with Follower(
            str(job), server=relay.url, token=scene.people.alice.raw, verify=True,
            transports=[transport], patience=Patience(wait_s=0.1),
        ) as following:  # fmt: skip
            texts = [event.raw.decode() async for event in following]
        await writing
    assert texts == scene.rows(job)
    assert relay.connections > 1, "the first connection was to be cut before the history was whole"


REFUSALS = {
    "no token": "not_signed_in",
    "bad token": "not_signed_in",
    "unknown": "not_found",
    "of another team": "not_found",
    "ahead": "cursor_ahead",
    "of another history": "history_diverged",
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_what_is_final_is_raised(scene: LiveServer, transport: str, case: str) -> None:
    job: object = await scene.new_job()
    token, after = scene.people.alice.raw, "0"
    match case:
        case "no token":
            token = ""
        case "bad token":
            token = "rp_nonsense"
        case "unknown":
            job = uuid4()
        case "of another team":
            token = scene.people.carol.raw
        case "ahead":
            after = "3"
        case "of another history":
            after = "2-00000000"
    async with follower(scene, job, transport, after, token) as following:
        with pytest.raises(Refused) as refused:
            await anext(aiter(following))
    assert refused.value.code == REFUSALS[case]
    assert following.info.state is State.FAILED


async def test_where_another_history_is_to_be_told_it_is_told_from_its_start(
    scene: LiveServer,
) -> None:
    job = await scene.new_job(outputs(5))
    await scene.finish(job)
    url, token = f"{scene.web.url}/api/jobs/{job}", scene.people.alice.raw
    async with Follower(url, token=token, after="3-00000000", restart=True) as following:
        texts = [event.raw.decode() async for event in following]
    assert texts == scene.rows(job)


async def test_a_server_that_is_not_there_is_unreachable_when_patience_ends() -> None:
    nobody = f"http://127.0.0.1:{ports.free()}/jobs/{uuid4()}"
    async with Follower(nobody, patience=Patience(reach_s=0.5)) as following:
        with pytest.raises(Unreachable, match="refused"):
            await anext(aiter(following))


async def test_without_an_event_loop(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(30))
    await scene.finish(job)
    url, token = f"{scene.web.url}/jobs/{job}", scene.people.alice.raw
    events = await asyncio.to_thread(lambda: list(follow(url, token=token)))
    assert [event.raw.decode() for event in events] == scene.rows(job)


# -- the command -------------------------------------------------------------------------------


async def test_its_exit_status_is_what_became_of_the_job(scene: LiveServer) -> None:
    ends = {EventType.JOB_SUCCEEDED: 0, EventType.JOB_FAILED: 1, EventType.JOB_CANCELLED: 3}
    jobs = {type: await scene.new_job(outputs(3, "\nsaid")) for type in ends}
    running = [await reprise(scene, job, "--transport", "sse") for job in jobs.values()]
    await scene.append(jobs[EventType.JOB_CANCELLED], NewEvent(EventType.JOB_CANCEL_REQUESTED, {}))
    for type, job in jobs.items():
        await scene.finish(job, type)
    results = [await result(each) for each in running]
    assert [status for status, _, _ in results] == list(ends.values())
    for _, out, err in results:
        assert "gs-001 fetch │ said 0\n" in out
        assert err.endswith("Following over SSE.\n")  # after "No connection yet" on a slow machine


async def test_json_is_the_log_and_nothing_else(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(1200, ODD))
    await scene.finish(job)
    rows = scene.rows(job)
    whole = await reprise(scene, job, "--json", "--verify")
    part = await reprise(scene, job, "--json", "--quiet", "--after", cursor_of(rows[811]))
    status, lines, reported = await result(whole)
    assert (status, lines) == (0, "\n".join(rows) + "\n")
    assert "Following over" in reported
    assert await result(part) == (0, "\n".join(rows[812:]) + "\n", "")


async def test_ctrl_c_leaves_with_the_cursor_to_go_on_from(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(20))
    first = await reprise(scene, job, "--json", "--transport", "long-poll")
    assert first.stdout is not None
    head = [(await first.stdout.readline()).decode() for _ in scene.rows(job)]
    first.send_signal(signal.SIGINT)
    status, rest, reported = await result(first)
    assert (status, rest) == (130, "")
    cursor = cursor_of(head[-1].rstrip("\n"))
    assert reported.splitlines()[-1] == f"reprise: left at #22 of #22; go on with --after {cursor}"
    await scene.append(job, *outputs(7))
    await scene.finish(job)
    status, tail, reported = await result(await reprise(scene, job, "--json", "--after", cursor))
    assert (status, "".join(head) + tail) == (0, "\n".join(scene.rows(job)) + "\n")
    assert "Resumed from #22, 8 events caught up, over " in reported


async def test_what_goes_wrong_is_one_line(scene: LiveServer) -> None:
    job, nobody = await scene.new_job(), f"http://127.0.0.1:{ports.free()}/jobs/{uuid4()}"
    cases = {
        "(not_found)": (4, await reprise(scene, uuid4())),
        "Give a token": (4, await reprise(scene, job, token="")),
        "(cursor_ahead) Begin again": (4, await reprise(scene, job, "--after", "9")),
        "cannot reach": (5, await reprise(scene, nobody, "--give-up", "0.1", "--quiet")),
        "Not a job's id or address": (2, await reprise(scene, "http://h/elsewhere")),
    }
    for words, (expected, running) in cases.items():
        status, out, err = await result(running)
        assert (status, out) == (expected, ""), err
        assert words in err
        assert [line for line in err.splitlines() if line.startswith("reprise: ")] == (
            err.splitlines()[-1:]
        )
        assert "Traceback" not in err


async def test_sigterm_leaves_as_ctrl_c_does(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(2))
    running = await reprise(scene, job, "--json")
    assert running.stdout is not None
    for _ in scene.rows(job):
        assert json.loads(await running.stdout.readline())
    running.send_signal(signal.SIGTERM)
    status, _, reported = await result(running)
    assert status == 143
    assert "--after 4-" in reported
