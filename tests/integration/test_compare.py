"""Two runs compared, by the API and on the page: for whom, and how much at once."""

from __future__ import annotations

import html
from typing import Any
from uuid import uuid4

import pytest

from frontend.views.compare import PAGE_SIZE
from jobs.access import tokens
from jobs.events import EventType, NewEvent
from jobs.models import ApiToken, Job
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, django_client

FAILURE = {"type": "CommandFailed", "message": "exit \x1b[31m1\x1b[m <b>"}


def step(type_: EventType, name: str, target: str, **data: Any) -> NewEvent:
    return NewEvent(type_, {"try": 1, "occurrence": 1, **data}, name, target)


def ran(name: str, target: str, *, well: bool = True) -> list[NewEvent]:
    end = {"seconds": 1.5} if well else {"seconds": 8.0, "error": FAILURE}
    type_ = EventType.STEP_SUCCEEDED if well else EventType.STEP_FAILED
    return [step(EventType.STEP_STARTED, name, target), step(type_, name, target, **end)]


def run_of(people: People, *events: NewEvent, well: bool = True, **fields: Any) -> Job:
    end = NewEvent(EventType.JOB_SUCCEEDED if well else EventType.JOB_FAILED, {"message": "Over."})
    return make_job(people.alice.user, [ATTEMPT, *events, end], team=people.red, **fields)


def compared(who: Person, left: Job, right: Job, query: str = "", status: int = 200) -> Any:
    answer = who.client().get(f"/api/jobs/{left.pk}/compare/{right.pk}{query}")
    assert answer.status_code == status, answer.content
    return answer.json()


@pytest.fixture
def pair(people: People) -> tuple[Job, Job]:
    """A failed run, and its retry with another version that went well."""
    left = run_of(
        people, *ran("fetch", "gs-1"), *ran("health", "gs-1", well=False), *ran("fetch", "gs-2"),
        well=False, title="Update", params={"version": "1.4", "servers": ["gs-1", "gs-2"]},
    )  # fmt: skip
    right = run_of(
        people, *ran("fetch", "gs-1"), *ran("health", "gs-1"),
        title="Update <again>", params={"version": "1.5", "servers": ["gs-1"]}, retry_of=left,
    )  # fmt: skip
    return left, right


def test_what_differs(people: People, pair: tuple[Job, Job]) -> None:
    left, right = pair
    found = compared(people.alice, left, right)
    assert (found["left"]["id"], found["right"]["retry_of"]) == (str(left.pk), str(left.pk))
    assert (found["same"], found["outcome"]) == (False, ["status"])
    assert found["parameters"] == [
        {"pointer": "/version", "left": ["1.4"], "right": ["1.5"], "items": False},
        {"pointer": "/servers", "left": ["gs-2"], "right": [], "items": True},
    ]
    assert found["counts"] == {"same": 1, "different": 1, "only_left": 1, "only_right": 0}
    first = found["first"]
    assert (first["step"], first["differs"]) == ("health", ["status", "error"])
    assert (first["left"]["status"], first["right"]["status"]) == ("failed", "succeeded")
    assert (first["left"]["try"], first["left"]["seconds"]) == (1, 8.0)
    assert [one["step"] for one in found["steps"]] == ["health", "fetch", "fetch"]
    assert found["steps_next"] is None
    rest = compared(people.alice, left, right, "?steps_after=2")
    assert (rest["steps"], rest["first"]) == (found["steps"][2:], first)
    assert compared(people.alice, left, left)["same"]


def test_both_jobs_must_be_the_readers_to_see(people: People, pair: tuple[Job, Job]) -> None:
    left, right = pair
    other = make_job(people.carol.user, [ATTEMPT], team=people.blue)
    for one, two in ((left, other), (other, left)):
        for who, expected in (
            (people.alice, 404), (people.carol, 404), (people.audrey, 200), (people.nobody, 404),
        ):  # fmt: skip
            compared(who, one, two, status=expected)
            page = who.browser().get(f"/jobs/{one.pk}/compare/{two.pk}")
            assert page.status_code == expected
    address = f"/api/jobs/{left.pk}/compare/"
    assert people.alice.client().get(f"{address}{uuid4()}").status_code == 404
    assert people.alice.client().get(f"{address}nonsense").status_code == 404
    assert django_client().get(f"{address}{right.pk}").status_code == 401
    assert django_client().get(f"/jobs/{left.pk}/compare/{right.pk}").status_code == 302


@pytest.mark.parametrize(("names", "status"), [(("read",), 200), (("submit", "steer"), 403)])
def test_it_takes_the_scope_read(
    people: People, pair: tuple[Job, Job], names: tuple[str, ...], status: int
) -> None:
    _token, raw = tokens.make_token(
        people.alice.user, f"t{ApiToken.objects.count()}", scope_names=names
    )
    got = django_client().get(
        f"/api/jobs/{pair[0].pk}/compare/{pair[1].pk}", headers={"authorization": f"Bearer {raw}"}
    )
    assert got.status_code == status


def test_the_page_says_it_first_and_escapes_all(people: People, pair: tuple[Job, Job]) -> None:
    left, right = pair
    raw = people.vera.browser().get(f"/jobs/{left.pk}/compare/{right.pk}").content.decode()
    assert "<b>" not in raw
    assert "Update &lt;again&gt;" in raw
    text = html.unescape(raw)
    assert "The outcomes differ. 2\u00a0parameters differ. 1 of 2\u00a0steps differs." in text
    assert "1\u00a0step only in the first run." in text
    assert "exit 1 <b>" in text
    assert "\x1b" not in text
    assert text.index("health") < text.index("fetch")
    same = people.vera.browser().get(f"/jobs/{left.pk}/compare/{left.pk}").content.decode()
    assert "Both runs were asked the same, and ended in the same way." in same


def test_the_page_of_many_steps_is_bounded(people: People) -> None:
    many = [each for number in range(PAGE_SIZE + 5) for each in ran("go", f"gs-{number:04}")]
    job = run_of(people, *many)
    browser = people.alice.browser()
    for query, first, last, shown in (
        ("", 0, PAGE_SIZE - 1, PAGE_SIZE),
        (f"?after={PAGE_SIZE}", PAGE_SIZE, PAGE_SIZE + 4, 5),
        ("?after=nonsense", 0, PAGE_SIZE - 1, PAGE_SIZE),
        ("?after=99999999999999999999", 0, PAGE_SIZE - 1, PAGE_SIZE),
    ):
        text = browser.get(f"/jobs/{job.pk}/compare/{job.pk}{query}").content.decode()
        assert text.count(">gs-") == shown
        assert f"gs-{first:04}" in text
        assert f"gs-{last:04}" in text


def test_runs_that_have_not_ended_or_begun(people: People) -> None:
    begun = make_job(
        people.alice.user, [ATTEMPT, step(EventType.STEP_STARTED, "go", "x")], team=people.red
    )
    queued = make_job(people.alice.user, [], team=people.red, kind="command")
    found = compared(people.alice, begun, queued)
    assert (found["left"]["seconds"], found["right"]["started_at"]) == (None, None)
    assert found["outcome"] == ["kind", "status"]
    page = people.alice.browser().get(f"/jobs/{begun.pk}/compare/{queued.pk}")
    assert page.status_code == 200
