"""Webhooks, against a real HTTP server: what is sent, what is sent again, what is passed over."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from jobs import log
from jobs.events import EventType, NewEvent
from jobs.feed import consumers
from jobs.feed.consumers import Consumer
from ops.embedded import ports
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything

pytestmark = pytest.mark.usefixtures("database")

SECRET = "between us"


@dataclass
class Other:
    """The other side: what it was sent, and what it answers, in turn (200 once that is used up)."""

    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    @property
    def keys(self) -> list[str]:
        return [headers["Idempotency-Key"] for headers, _ in self.got]

    def body(self, number: int = -1) -> Any:
        return json.loads(self.got[number][1])


@contextmanager
def listening(other: Other, port: int = 0) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            other.got.append((dict(self.headers), body))
            self.send_response(other.answers.pop(0) if other.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        other.url = f"http://127.0.0.1:{server.server_port}/hook"
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def told(url: str, secret: str = SECRET) -> Iterator[Consumer]:
    """Set the webhooks' address; the value is their consumer, which starts now."""
    config = settings.REPRISE.with_changes(webhook_url=url, webhook_secret=secret)
    with override_settings(REPRISE=config):
        [consumer] = [one for one in consumers.find_consumers().consumers if one.name == "webhooks"]
        run(consumer)
        yield consumer


@pytest.fixture
def other() -> Iterator[Other]:
    side = Other()
    with listening(side):
        yield side


def run(consumer: Consumer) -> None:
    feed_everything()
    while consumers.run_once(consumer):
        pass


def again(consumer: Consumer) -> None:
    """Run a consumer once more as if the time it was put off for were over."""
    with connection.cursor() as cursor:
        cursor.execute("update jobs_consumer set retry_at = now()")
    run(consumer)


def ended_job(title: str = "Restart", ending: EventType = EventType.JOB_SUCCEEDED) -> str:
    job = make_job(title=title, events=[ATTEMPT, output("x"), NewEvent(ending, {"message": "m"})])
    return str(job.pk)


def failures() -> int:
    return next(one.failures for one in consumers.consumer_status() if one.name == "webhooks")


def test_an_ended_job_is_told_with_a_key_and_a_signature(other: Other) -> None:
    before = ended_job("Before there was an address")
    feed_everything()
    with told(other.url) as consumer:
        job = ended_job("Restart “gs-001”")
        run(consumer)
    assert other.keys == [f"{job}/4"]
    assert before not in str(other.got)
    headers, body = other.got[0]
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Reprise-Signature"] == f"sha256={digest}"
    reported = other.body()
    stored = log.read(UUID(job), 3).lines
    assert stored.encode() in body
    assert reported == {
        "job": job, "kind": "load", "title": "Restart “gs-001”", "status": "succeeded",
        "event": json.loads(stored),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "status"),
    [(EventType.JOB_FAILED, "failed"), (EventType.JOB_APPROVAL_REQUESTED, "waiting")],
)
def test_what_waits_for_an_approval_is_told_too(
    other: Other, ending: EventType, status: str
) -> None:
    with told(other.url) as consumer:
        ended_job(ending=ending)
        run(consumer)
    assert (other.body()["event"]["type"], other.body()["status"]) == (ending, status)


@pytest.mark.parametrize("answer", [500, 503, 429])
def test_an_answer_that_may_change_is_asked_for_again_in_order(other: Other, answer: int) -> None:
    other.answers = [200, answer, answer]
    with told(other.url) as consumer:
        first, second, third = (ended_job() for _ in range(3))
        run(consumer)
        assert other.keys == [f"{first}/4", f"{second}/4"]
        assert failures() == 1
        again(consumer)
        assert failures() == 2
        again(consumer)
    assert other.keys == [f"{job}/4" for job in (first, second, second, second, third)]
    assert len({other.got[number][1] for number in (1, 2, 3)}) == 1
    assert failures() == 0


@pytest.mark.parametrize("answer", [301, 400, 404, 410])
def test_a_refusal_is_passed_over(
    other: Other, answer: int, caplog: pytest.LogCaptureFixture
) -> None:
    other.answers = [answer]
    with told(other.url) as consumer:
        first, second = ended_job(), ended_job()
        run(consumer)
    assert other.keys == [f"{first}/4", f"{second}/4"]
    assert f"webhook refused with {answer}" in caplog.text
    assert failures() == 0


def test_an_address_where_nobody_is_gets_everything_later() -> None:
    port, other = ports.free(), Other()
    with told(f"http://127.0.0.1:{port}/hook") as consumer:
        job = ended_job()
        run(consumer)
        assert failures() == 1
        with listening(other, port):
            again(consumer)
    assert other.keys == [f"{job}/4"]
