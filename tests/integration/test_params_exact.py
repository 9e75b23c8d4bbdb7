"""Parameters are stored, run, shown and retried exactly as they were submitted."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from pydantic import BaseModel, ConfigDict, Field

from jobs import log, schedules
from jobs.commands import retry
from jobs.events import EventType, NewEvent, parse
from jobs.integrity import verify_job
from jobs.kinds import Kind, registry
from jobs.models import Job, Schedule
from jobs.queue import leases
from jobs.run import Run
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, post

pytestmark = pytest.mark.usefixtures("redis", "database", "any_kind")

# Members in an order of their own, numbers as Python writes them, texts that something may trim.
EXACT = """{"10": 1, "9": 2, "b": 1e+22, "a": 1.0, "zero": -0.0, "least": 5e-324, "most":
1.7976931348623157e+308, "sum": 0.30000000000000004, "long": 9007199254740993, "min":
-9223372036854775808, "max": 9223372036854775807, "words": ["", " a ", "x\\ny", "\\r\\n", "é"],
"none": null, "deep": {"__proto__": [[], {}]}}"""
VALUE = json.loads(EXACT)


class AnyParams(BaseModel):
    """Whatever it is, and a number that is one."""

    model_config = ConfigDict(validate_by_name=False)

    value: Any = None
    ratio: float = 1.0
    named: int = Field(0, alias="other-name")


class AnyKind(Kind[AnyParams]):
    name = "test-any"
    title = "Anything"
    Params = AnyParams

    async def run(self, run: Run, params: AnyParams) -> None:
        pass


@pytest.fixture
def any_kind() -> Iterator[None]:
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=[f"{__name__}.AnyKind"]):
        yield
    registry._find_kinds.cache_clear()


def submit(people: People, params: str) -> Any:
    body = f'{{"kind": "test-any", "params": {params}}}'.encode()
    return post(people.alice.client(), "/api/jobs", body)


def written(value: Any) -> str:
    """Return JSON that differs wherever members' order, a sign or a number's type does."""
    return json.dumps(value)


def test_they_are_the_same_in_the_answer_the_log_the_row_and_the_lease(people: People) -> None:
    answer = submit(people, f'{{"value": {EXACT}}}')
    assert answer.status_code == 201
    job = UUID(answer.json()["id"])
    shown = people.alice.client().get(f"/api/jobs/{job}").json()
    listed = people.alice.client().get(f"/api/jobs?id={job}").json()["jobs"][0]
    event = parse(log.read(job, 0, 1).texts[0])
    lease = leases.take_job(job, "test/1")
    assert lease is not None
    for params in (
        answer.json()["params"], shown["params"], listed["params"], event.data["params"],
        Job.objects.get(pk=job).params, lease.params,
    ):  # fmt: skip
        assert written(params["value"]) == written(VALUE)
    assert verify_job(job).ok


def test_they_are_the_same_in_a_retry(people: People) -> None:
    job = UUID(submit(people, f'{{"value": {EXACT}, "other-name": 7}}').json()["id"])
    over = NewEvent(EventType.JOB_FAILED, {"message": "Ill."})
    log.append(job, [ATTEMPT, over], actor="worker:test/1")
    made, _new = retry.retry(people.alice.principal, job, "all")
    assert written(made.params) == written(Job.objects.get(pk=job).params)
    assert made.params["other-name"] == 7


@pytest.mark.parametrize("given", ['"inf"', '"-inf"', '"nan"', '"1e400"'])
def test_a_number_that_json_does_not_have_is_refused_at_its_field(
    people: People, given: str
) -> None:
    for path in ("/api/jobs", "/api/plan"):
        body = f'{{"kind": "test-any", "params": {{"ratio": {given}}}}}'.encode()
        answer = post(people.alice.client(), path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/ratio"]


@pytest.fixture
def admin(people: People) -> Client:
    User.objects.filter(pk=people.root.user.pk).update(is_superuser=True)
    client = Client(HTTP_HOST="localhost", raise_request_exception=False)
    client.force_login(User.objects.get(pk=people.root.user.pk))
    return client


def test_a_schedule_hands_on_what_was_written_in_its_form(people: People, admin: Client) -> None:
    answer = admin.post(
        "/admin/jobs/schedule/add/", form(people.root.user, f'{{"value": {EXACT}}}')
    )
    assert answer.status_code == 302
    made = Schedule.objects.get()
    assert written(made.params["value"]) == written(VALUE)
    page = admin.get(f"/admin/jobs/schedule/{made.pk}/change/").content.decode()
    assert '"long": 9007199254740993' in html.unescape(page)
    assert made.next_run is not None
    assert schedules.fire_due(made.next_run) == 1
    assert written(Job.objects.exclude(kind="system").get().params["value"]) == written(VALUE)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ("NaN", "NaN is not a JSON number"),
        ("-Infinity", "-Infinity is not a JSON number"),
        ("1e400", "a number is too large"),
        ("9223372036854775808", "Integers have at most 64 bits"),
        ('{"a": 1, "a": 2}', "the name 'a' is there twice"),
        ('"\\u0000"', "NUL"),
        ('"\\ud800"', "surrogate"),
        ("[" * 100 + "]" * 100, "nested"),
        ("[" * 100_000, "nested"),
    ],
)
def test_a_schedules_form_refuses_what_it_could_not_keep(
    people: People, admin: Client, params: str, says: str
) -> None:
    body = form(people.root.user, f'{{"value": {params}}}')
    answer = admin.post("/admin/jobs/schedule/add/", body)
    assert answer.status_code == 200
    assert says in html.unescape(answer.content.decode())
    assert not Schedule.objects.exists()


def form(owner: User, params: str) -> dict[str, Any]:
    return {
        "name": "nightly", "kind": "test-any", "params": params, "title": "", "cron": "0 3 * * *",
        "timezone": "UTC", "enabled": "on", "owner": str(owner.pk), "on_missed": "skip",
        "overlap": "skip",
    }  # fmt: skip


def test_the_form_of_a_new_job_begins_with_the_exact_text_of_each(people: People) -> None:
    job = make_job(people.alice.user, kind="test-any", params={"value": VALUE, "ratio": 1.0})
    page = people.alice.browser().get(f"/jobs/new?from={job.pk}").content.decode()
    script = page.split('<script id="params" type="application/json">')[1].split("</script>")[0]
    texts = json.loads(script)
    assert json.dumps(json.loads(texts["value"])) == written(VALUE)
    assert (texts["ratio"], texts["other-name"]) == ("1.0", "0")


def test_a_schedules_form_left_empty_means_no_parameters(people: People, admin: Client) -> None:
    answer = admin.post("/admin/jobs/schedule/add/", form(people.root.user, " "))
    assert answer.status_code == 302
    assert Schedule.objects.get().params == {}


def test_a_schedules_form_shows_again_what_was_written(people: People, admin: Client) -> None:
    text = '{"value": 1.50, "value": {}}'
    answer = admin.post("/admin/jobs/schedule/add/", form(people.root.user, text))
    assert text in html.unescape(answer.content.decode())
