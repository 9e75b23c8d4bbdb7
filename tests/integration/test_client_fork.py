"""`reprise fork` as a process: what it makes of a job, what it says, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from jobs.events import EventType, NewEvent
from ops.embedded import ports
from tests.support.client_command import reprise, result
from tests.support.live_server import LiveServer, live_server
from tests.support.services import Services


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with services.database() as url, live_server(url, services.valkey.url) as started:
        yield started


async def fork(scene: LiveServer, job: object, *arguments: str) -> tuple[int | None, str, str]:
    token = scene.people.root.raw
    return await result(await reprise(scene, job, *arguments, token=token, command="fork"))


async def failed_job(scene: LiveServer) -> UUID:
    common = {"try": 1, "occurrence": 1, "seconds": 0.1}
    error = {"error": {"type": "E", "message": "no way"}}
    job = await scene.new_job(
        [
            NewEvent(EventType.STEP_SUCCEEDED, common, "go"),
            NewEvent(EventType.STEP_FAILED, {**common, **error}, "look"),
        ]
    )
    await scene.finish(job, EventType.JOB_FAILED)
    return job


async def test_a_fork_is_made(scene: LiveServer) -> None:
    job = await failed_job(scene)
    status, out, err = await fork(scene, job, "--dry-run")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "Goes on from step look; 1 recorded step is kept.",
        "  the run: 1 kept, from look on",
    ]
    status, out, _err = await fork(scene, job)
    assert status == 0
    assert out.startswith(f"{scene.web.url}/jobs/")
    assert UUID(out.strip().rsplit("/", 1)[1]) != job

    words = ("--at", "3", "--param", "events=7", "--key", "once", "--json")
    made = [json.loads((await fork(scene, job, *words))[1]) for _ in range(2)]
    assert made[0]["id"] == made[1]["id"]
    assert (made[0]["params"]["events"], made[0]["forked_from"]["seq"]) == (7, 3)


async def test_what_cannot_be_is_said(scene: LiveServer) -> None:
    running, job = await scene.new_job(), await failed_job(scene)
    gone = f"http://127.0.0.1:{ports.free()}/jobs/{uuid4()}"
    for what, words, expected, said in (
        (running, (), 4, "(not_now)"),
        (uuid4(), (), 4, "(not_found)"),
        (job, ("--at", "99"), 4, "(invalid_params)"),
        (job, ("--target", "gs-1"), 4, "(not_now)"),
        (job, ("--param", "events"), 2, "Not NAME=VALUE"),
        (job, ("--at", "soon"), 2, "--at"),
        (gone, (), 5, "cannot reach"),
    ):
        status, out, err = await fork(scene, what, *words)
        assert (words, status, out) == (words, expected, "")
        assert said in err
