"""The process's log says who was refused what, in lines that nobody else can write."""

from __future__ import annotations

import logging
import re

import pytest

from core.db import in_thread
from core.errors import RepriseError
from jobs.secrets.logs import MaskedFormatter
from streams.followers.access import allow_reading
from tests.support.factories import make_job
from tests.support.people import People, django_client, post

pytestmark = pytest.mark.usefixtures("database")

LOGGER = "jobs.access.refusals"


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == LOGGER]


def test_what_somebody_may_not_is_logged_with_who_and_from_where(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = make_job(people.carol.user, team=people.blue)
    post(people.vera.client(), "/api/jobs", {"kind": "load", "params": {}})
    people.alice.client().get(f"/api/jobs/{theirs.pk}")
    people.nobody.browser().get("/history")
    people.alice.browser().post("/sign-out")  # without a CSRF token
    django_client(Authorization="Bearer rp_" + "0" * 43).get("/api/jobs")
    assert refusals(caplog) == [
        "POST /api/jobs refused with 403 to token:vera/test from 127.0.0.1",
        f"GET /api/jobs/{theirs.pk} refused with 404 to token:alice/test from 127.0.0.1",
        "GET /history refused with 403 to user:nobody from 127.0.0.1",
        "POST /sign-out refused with 403 to user:alice from 127.0.0.1",
        "GET /api/jobs refused with 401 to anonymous from 127.0.0.1",
    ]


async def test_a_socket_that_is_refused_is_logged_too(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = await in_thread(make_job, people.carol.user, team=people.blue)
    authorization = (b"authorization", f"Bearer {people.alice.raw}".encode())
    path = f"/ws/jobs/{theirs.pk}/"
    for headers, who in [([authorization], "token:alice/test"), ([], "anonymous")]:
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers,
                 "client": ("192.0.2.7", 0)}  # fmt: skip
        with pytest.raises(RepriseError) as refused:
            await allow_reading(scope, theirs.pk)
        status = refused.value.status
        line = f"WebSocket {path} refused with {status} to {who} from 192.0.2.7"
        assert refusals(caplog)[-1] == line


def test_what_was_answered_is_not_a_refusal(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    people.alice.client().get("/api/jobs")
    people.alice.browser().get("/history")
    assert refusals(caplog) == []


def formatted(message: str, *arguments: object, **more: object) -> str:
    record = logging.LogRecord("test", logging.WARNING, "", 0, message, arguments, None)
    record.__dict__.update(more)
    return MaskedFormatter("%(asctime)s %(levelname)s %(name)s %(message)s").format(record)


def test_a_line_has_its_moment_in_utc() -> None:
    line = formatted("said", created=0.25, msecs=250.0)
    assert line == "1970-01-01T00:00:00.250Z WARNING test said"


@pytest.mark.parametrize(
    "planted",
    ["a\n2026-01-01T00:00:00.000Z INFO jobs.access root signed in",
     "a\r\nb", "a\x1b[2Kb", "a\u2028b",
     "a\u202eb", "a\x85b"],
)  # fmt: skip
def test_nothing_that_is_logged_makes_a_line_of_its_own(planted: str) -> None:
    line = formatted("could not find %s", planted)
    assert len(line.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]", line)
