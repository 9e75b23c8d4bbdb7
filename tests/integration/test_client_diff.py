"""`reprise diff` as a process: what it prints of two jobs, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

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


async def test_two_jobs_are_compared(scene: LiveServer) -> None:
    failed = NewEvent(EventType.STEP_FAILED, {"error": {"message": "no\x1b[1m way"}}, "go", "x")
    jobs = [await scene.new_job(each) for each in ([], [], [failed])]
    for job in jobs[:2]:
        await scene.finish(job)
    await scene.finish(jobs[2], EventType.JOB_FAILED)
    first, *others = (f"{scene.web.url}/jobs/{job}" for job in jobs)
    same = await result(await reprise(scene, first, others[0], command="diff"))
    assert (same[0], same[2]) == (0, "")
    assert same[1].endswith("steps differ; 0 only in the first run, 0 only in the second.\n")
    status, out, _err = await result(await reprise(scene, first, others[1], command="diff"))
    assert status == 1
    assert "x go │ not there → failed (no way)\n" in out
    assert "A job #" in out
    status, out, _err = await result(
        await reprise(scene, first, others[1], "--json", command="diff")
    )
    assert (status, json.loads(out)["outcome"]) == (1, ["status"])
    for bad, expected, words in (
        (f"{scene.web.url}/jobs/{uuid4()}", 4, "(not_found)"),
        ("http://elsewhere/jobs/" + str(uuid4()), 2, "not on one server"),
        ("nonsense", 2, "Not a job's id or address"),
    ):
        status, out, err = await result(await reprise(scene, first, bad, command="diff"))
        assert (status, out) == (expected, "")
        assert words in err
    gone = f"http://127.0.0.1:{ports.free()}/jobs/{uuid4()}"
    status, _out, err = await result(await reprise(scene, gone, gone, command="diff"))
    assert (status, "cannot reach" in err) == (5, True)
