"""One trace from the caller's span to a command on a target, at a real OTLP receiver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import override_settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pydantic import BaseModel

from core import tracing
from jobs import commands, log
from jobs.access import visibility
from jobs.events import Event, parse
from jobs.kinds import Kind, registry
from jobs.models import Job
from jobs.run import Retry, Run, Step
from jobs.transports import command
from ops.setup.clone import ROOT
from tests.support.collector import Collector, collector
from tests.support.factories import make_user
from tests.support.live_server import live_server
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
PATH = "tests.integration.test_traces.Traced"
ENDED = frozenset({"succeeded", "failed"})


class TracedParams(BaseModel):
    """Whether its last step fails."""

    bad: bool = False


class Traced(Kind[TracedParams]):
    """A step that is tried twice, and one that runs a command on a target."""

    name = "test-traced"
    title = "Be traced"
    Params = TracedParams

    async def run(self, run: Run, params: TracedParams) -> None:
        async def flaky(step: Step) -> None:
            if step.number == 1:
                raise OSError("secret words")

        async def show(step: Step) -> None:
            own = step.env.get("TRACEPARENT", "")
            step.output(f"step {own}\n")
            await command("local", ["/bin/sh", "-c", "echo command $TRACEPARENT"], step)
            if params.bad:
                raise ValueError("secret words")

        await run.step("flaky", flaky, retry=Retry(tries=2, wait=0))
        await run.step("show", show, target="web-1")


@pytest.fixture(autouse=True)
def known(database: str) -> Iterator[None]:
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=(PATH,)):
        yield
    registry._find_kinds.cache_clear()


@contextmanager
def worker(database: str, folder: Path, **env: str) -> Iterator[Path]:
    reported = folder / "worker.log"
    own = {"DATABASE_URL": database, "REPRISE_STATE": str(folder), "REPRISE_KINDS": PATH}
    with reported.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT, env=os.environ | own | env, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        yield reported
    finally:
        process.terminate()
        process.wait()


def ended(job: str) -> bool:
    return Job.objects.get(pk=job).status in ENDED


def events(job: str) -> list[Event]:
    return [parse(text) for text in log.read(Job.objects.get(pk=job).pk).texts]


def spans(found: Collector) -> dict[str, Span]:
    """Return the spans that have come, by their names; a repeated one by its try as well."""
    made: dict[str, Span] = {}
    for body in found.taken("/v1/traces"):
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    number = attributes(span).get("reprise.number")
                    made[f"{span.name} {number}" if number else span.name] = span
    return made


def attributes(span: Span) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes
    }


def test_a_trace_goes_from_the_caller_to_the_command(
    database: str, redis: str, tmp_path: Path
) -> None:
    with (
        collector() as found,
        live_server(database, redis, REPRISE_OTLP_ENDPOINT=found.url, REPRISE_KINDS=PATH) as scene,
    ):
        with worker(
            database, tmp_path, REPRISE_OTLP_ENDPOINT=found.url, REPRISE_LOG_FORMAT="json"
        ) as reported:
            answer = httpx.post(
                f"{scene.web.url}/api/jobs",
                json={"kind": "test-traced", "params": {}},
                headers={**scene.people.root.headers, "traceparent": TRACEPARENT},
                timeout=60,
            )
            job = str(answer.json()["id"])
            until(lambda: ended(job), "its end")
        wanted = {"submit", "queue", "run test-traced", "step flaky 1", "step flaky 2",
                  "step show 1", "command"}  # fmt: skip
        until(lambda: wanted <= set(spans(found)), "the spans")
        made = spans(found)
        lines = [json.loads(line) for line in reported.read_text().splitlines()]
    assert {span.trace_id.hex() for span in made.values()} == {TRACE}
    ids = {name: span.span_id.hex() for name, span in made.items()}
    assert {name: span.parent_span_id.hex() for name, span in made.items()} == {
        "submit": CALLER,
        "queue": ids["submit"],
        "run test-traced": ids["submit"],
        "step flaky 1": ids["run test-traced"],
        "step flaky 2": ids["run test-traced"],
        "step show 1": ids["run test-traced"],
        "command": ids["step show 1"],
    }
    outcomes = {name: attributes(span).get("reprise.outcome") for name, span in made.items()}
    assert outcomes["step flaky 1"] == "retried"
    assert outcomes["step flaky 2"] == outcomes["run test-traced"] == "succeeded"
    assert attributes(made["command"])["reprise.exit_status"] == 0
    assert attributes(made["step show 1"])["reprise.target"] == "web-1"
    assert attributes(made["run test-traced"])["reprise.job"] == job
    assert made["queue"].end_time_unix_nano <= made["run test-traced"].end_time_unix_nano
    told = events(job)
    assert told[0].data["traceparent"] == f"00-{TRACE}-{ids['submit']}-01"
    said = "".join(event.data["text"] for event in told if event.type == "step.output")
    assert f"step 00-{TRACE}-{ids['step show 1']}-01" in said
    assert f"command 00-{TRACE}-{ids['command']}-01" in said
    failed = next(line for line in lines if line["logger"] == "jobs.run.step_runner")
    assert (failed["trace"], failed["span"]) == (TRACE, ids["step flaky 1"])
    assert not [body for _, body in found.bodies if b"secret words" in body]


def test_a_failure_is_one_in_its_spans(database: str, redis: str, tmp_path: Path) -> None:
    who = visibility.of_user(make_user(staff=True))
    job = str(commands.submit(who, "test-traced", {"bad": True})[0].pk)
    with collector() as found:
        with worker(database, tmp_path, REPRISE_OTLP_ENDPOINT=f"{found.url}/"):
            until(lambda: ended(job), "its end")
        until(lambda: "run test-traced" in spans(found), "the spans")
        made = spans(found)
    for name in ("step show 1", "run test-traced"):
        assert made[name].status.code == Status.STATUS_CODE_ERROR
        assert attributes(made[name])["reprise.outcome"] == "failed"
    assert attributes(made["step show 1"])["reprise.error"] == "ValueError"
    assert made["run test-traced"].parent_span_id == b""  # nobody traced the submission


def test_without_an_endpoint_the_callers_trace_is_kept_and_nothing_else_is_made(
    database: str, redis: str, tmp_path: Path
) -> None:
    with live_server(database, redis, REPRISE_KINDS=PATH) as scene:
        sent = {"good": TRACEPARENT, "bad": f"{TRACEPARENT}-", "worse": "00-0-0-01"}
        jobs = {
            name: httpx.post(
                f"{scene.web.url}/api/jobs",
                json={"kind": "test-traced", "params": {}},
                headers={**scene.people.root.headers, "traceparent": header},
                timeout=60,
            ).json()["id"]
            for name, header in sent.items()
        }
        with worker(database, tmp_path):
            until(lambda: all(map(ended, jobs.values())), "their ends")
    assert events(jobs["good"])[0].data["traceparent"] == TRACEPARENT
    assert "traceparent" not in events(jobs["worse"])[0].data
    said = "".join(
        event.data["text"] for event in events(jobs["good"]) if event.type == "step.output"
    )
    assert said == "step \ncommand\n"


def test_nothing_of_it_is_loaded_where_it_is_off() -> None:
    code = (
        "import django; django.setup()\nimport sys, jobs.worker.worker, core.asgi\n"
        "print(*{m.split('.')[0] for m in sys.modules} & {'opentelemetry', 'sentry_sdk'})"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.strip()) == (0, "")
    assert tracing.span("a") is tracing.span("b")


def test_a_collector_that_is_away_holds_up_nothing(database: str, tmp_path: Path) -> None:
    who = visibility.of_user(make_user(staff=True))
    job = str(commands.submit(who, "test-traced", {})[0].pk)
    with worker(database, tmp_path, REPRISE_OTLP_ENDPOINT="http://127.0.0.1:9"):
        until(lambda: ended(job), "its end")
    assert Job.objects.get(pk=job).status == "succeeded"
