"""Figures of kinds and targets: right, only of jobs that one may see, and bounded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core import clock
from frontend.views.statistics import PAGE_SIZE
from jobs.access import grants, tokens
from jobs.api.paging import MAX_LIMIT
from jobs.events import EventType, NewEvent
from jobs.integrity.rebuild import rebuild_job
from jobs.models import ApiToken, Claim, Job, StepRun, Target
from jobs.statistics.steps import MOST_ROWS
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, django_client
from tests.support.rights_world import granted


def ran(
    name: str, target: str, seconds: float = 1.0, *, well: bool = True, tries: int = 1
) -> list[NewEvent]:
    type_ = EventType.STEP_SUCCEEDED if well else EventType.STEP_FAILED
    data = {"try": tries, "occurrence": 1}
    return [
        NewEvent(EventType.STEP_STARTED, data, name, target),
        NewEvent(type_, {**data, "seconds": seconds}, name, target),
    ]


def run_of(
    who: Person,
    *events: NewEvent,
    well: bool = True,
    days: float = 1,
    took: float = 60,
    **more: Any,
) -> Job:
    """Return a job of somebody that ended so many days ago, with its steps as rows."""
    end = NewEvent(EventType.JOB_SUCCEEDED if well else EventType.JOB_FAILED, {"message": "Over."})
    team = who.user.reprise_teams.first()
    job = make_job(who.user, [ATTEMPT, *events, end], team=team, **more)
    rebuild_job(job.pk, write=True)
    ended = clock.now().replace(hour=12) - timedelta(days=days)
    Job.objects.filter(pk=job.pk).update(
        finished_at=ended, started_at=ended - timedelta(seconds=took)
    )
    return job


def figures(who: Person, kind: str = "load", query: str = "", status: int = 200) -> Any:
    answer = who.client().get(f"/api/kinds/{kind}/statistics{query}")
    assert answer.status_code == status, answer.content
    return answer.json()


def story(who: Person, target: str, query: str = "", status: int = 200) -> Any:
    answer = who.client().get(f"/api/targets/{target}/history{query}")
    assert answer.status_code == status, answer.content
    return answer.json()


@pytest.fixture
def runs(people: People) -> list[Job]:
    """Two jobs of team red on a day, another before that, and one of team blue."""
    return [
        run_of(people.alice, *ran("fetch", "gs-1", 2), *ran("switch", "gs-1", 4), took=10),
        run_of(
            people.alice, *ran("fetch", "gs-1", 4, tries=3), *ran("switch", "gs-2", 1, well=False),
            well=False, took=1000,
        ),
        run_of(people.bob, *ran("fetch", "gs-2", 3), took=20),
        run_of(
            people.carol, *ran("fetch", "gs-1", 90), *ran("secret", "gs-3", 5, well=False), took=500
        ),
        run_of(people.alice, *ran("fetch", "gs-1", 7), days=40),
    ]  # fmt: skip


def test_a_kind_in_figures_of_what_one_may_see(people: People, runs: list[Job]) -> None:
    found = figures(people.vera)
    assert (found["kind"], found["days"]) == ("load", 30)
    assert (found["succeeded"], found["failed"], found["cancelled"]) == (2, 1, 0)
    [day] = found["durations"]
    assert day["start"].endswith("T00:00:00.000000Z")
    assert (day["runs"], day["failed"], day["median"], day["p90"]) == (3, 1, 15.0, 19.0)
    counts = [(one["step"], one["runs"], one["failed"], one["retried"]) for one in found["steps"]]
    assert counts == [("switch", 2, 1, 0), ("fetch", 3, 0, 1)]
    assert found["steps"][1]["median"] == 3.0
    assert found["targets"] == [
        {"target": "gs-1", "runs": 2, "failed": 0, "seconds": 5.0},
        {"target": "gs-2", "runs": 2, "failed": 1, "seconds": 2.0},
    ]
    long = figures(people.vera, query="?days=365")
    assert (long["succeeded"], len(long["durations"])) == (3, 2)


def test_what_others_run_shows_in_no_number(people: People, runs: list[Job]) -> None:
    """Whoever does not see a job gets the same figures as if it were not there."""
    before = {who: (figures(who), story(who, "gs-1")) for who in (people.alice, people.vera)}
    blue = figures(people.carol)
    assert (blue["succeeded"], [one["step"] for one in blue["steps"]]) == (1, ["secret", "fetch"])
    everything = figures(people.audrey)
    assert everything["succeeded"] == 3
    assert {one["target"] for one in everything["targets"]} == {"gs-1", "gs-2", "gs-3"}
    StepRun.objects.filter(job=runs[3]).update(seconds=10_000, tries=9)
    run_of(people.carol, *ran("fetch", "gs-1", well=False), well=False)
    Job.objects.filter(pk=runs[3].pk).update(status="cancelled")
    for who, (of_kind, of_target) in before.items():
        now = figures(who)
        assert {**now, "since": ""} == {**of_kind, "since": ""}
        assert story(who, "gs-1") == of_target
    assert story(people.alice, "gs-3", status=404)["code"] == "not_found"


def test_who_sees_no_jobs_or_no_such_kind(people: People, runs: list[Job]) -> None:
    figures(people.nobody, status=403)
    story(people.nobody, "gs-1", status=403)
    assert figures(people.alice, "nonsense", status=404)["code"] == "not_found"
    assert figures(people.alice, "version-update")["steps"] == []
    run_of(people.carol, kind="gone")
    figures(people.alice, "gone", status=404)
    assert figures(people.carol, "gone")["succeeded"] == 1
    assert django_client().get("/api/kinds/load/statistics").status_code == 401
    for query in ("?days=0", "?days=x", "?days=99999"):
        figures(people.alice, query=query, status=400)


def test_a_token_counts_what_it_may_read(people: People, runs: list[Job]) -> None:
    for names, kind, of_kind, of_target in (
        (("read",), "", 200, 200), (("read",), "command", 200, 404), (("submit",), "", 403, 403),
    ):  # fmt: skip
        _token, raw = tokens.make_token(
            people.alice.user, f"t{ApiToken.objects.count()}", scope_names=names, kind=kind
        )
        headers = {"authorization": f"Bearer {raw}"}
        for path, status in (
            ("kinds/load/statistics", of_kind),
            ("targets/gs-1/history", of_target),
        ):
            answer = django_client().get(f"/api/{path}", headers=headers)
            assert (path, kind, answer.status_code) == (path, kind, status)


def test_a_targets_story(people: People, runs: list[Job]) -> None:
    found = story(people.alice, "gs-2")
    assert (found["runs"], found["failed"]) == (2, 1)
    assert [(one["job"]["id"], one["outcome"]) for one in found["history"]] == [
        (str(runs[2].pk), "succeeded"), (str(runs[1].pk), "failed"),
    ]  # fmt: skip
    assert found["history"][1]["steps"] == [
        {"step": "switch", "occurrence": 1, "status": "failed", "try": 1, "seconds": 1.0}
    ]
    assert [(one["step"], one["failed"]) for one in found["steps"]] == [("switch", 1), ("fetch", 0)]
    assert (found["busy"], found["holder"], found["waiting"], found["next"]) == (
        False, None, [], None,
    )  # fmt: skip


def test_who_has_it_and_who_waits(people: People) -> None:
    jobs = [
        make_job(who.user, [ATTEMPT], team=who.user.reprise_teams.first())
        for who in (people.alice, people.carol, people.bob)
    ]
    for ticket, job in enumerate(jobs, 1):
        Claim.objects.create(job=job, target="a/b c", ticket=ticket, held=ticket == 1)
    mine = story(people.alice, "a%2Fb%20c")
    assert (mine["busy"], mine["holder"]["id"]) == (True, str(jobs[0].pk))
    assert [one["id"] for one in mine["waiting"]] == [str(jobs[2].pk)]
    assert (mine["waiting_count"], mine["history"]) == (1, [])
    theirs = story(people.carol, "a%2Fb%20c")
    assert (theirs["busy"], theirs["holder"]) == (True, None)
    assert [one["id"] for one in theirs["waiting"]] == [str(jobs[1].pk)]


def test_pages_have_each_job_once_and_are_bounded(people: People) -> None:
    jobs = [run_of(people.alice, *ran("go", "gs-1")).pk for _ in range(5)]
    many = [event for number in range(MOST_ROWS + 5) for event in ran(f"step-{number:03}", "gs-1")]
    jobs.append(run_of(people.alice, *many).pk)
    seen: list[str] = []
    query = "?limit=2"
    while True:
        page = story(people.alice, "gs-1", query)
        seen += [one["job"]["id"] for one in page["history"]]
        if page["next"] is None:
            break
        query = f"?limit=2&before={page['next']}"
    assert seen == [str(job) for job in sorted(jobs, reverse=True)]
    newest = story(people.alice, "gs-1", "?limit=1")["history"][0]
    assert (newest["count"], len(newest["steps"])) == (MOST_ROWS + 5, MOST_ROWS)
    assert len(story(people.alice, "gs-1")["steps"]) == MOST_ROWS
    for bad in ("?limit=0", f"?limit={MAX_LIMIT + 1}", "?before=x"):
        story(people.alice, "gs-1", bad, status=400)


def test_a_target_of_the_inventory_has_a_story_before_any_job(people: People) -> None:
    Target.objects.create(name="gs-9", group="web")
    assert story(people.alice, "gs-9")["runs"] == 0
    story(people.alice, "gs-8", status=404)


def test_rights_decide_which_targets_of_the_inventory_there_are(people: People) -> None:
    Target.objects.create(name="gs-9", group="web")
    with granted():
        story(people.alice, "gs-9", status=404)
        grants.grant_right(people.red, "see", "load", "group:web")
        assert story(people.alice, "gs-9")["runs"] == 0
        story(people.carol, "gs-9", status=404)


def shown(who: Person, path: str, status: int = 200) -> str:
    answer = who.browser().get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


def test_the_pages_say_the_same_and_escape_all(people: People, runs: list[Job]) -> None:
    run_of(people.alice, *ran("a<b>", "x/<y> z"), title="A <job>\u202e")
    page = shown(people.vera, "/kinds/load")
    assert "3 succeeded · 1 failed · 0 cancelled in the last 30 days." in page
    assert "a&lt;b&gt;" in page
    assert 'href="/targets/x%2F%3Cy%3E%20z"' in page
    assert "secret" not in page
    assert '"median": 20.0' in page  # what is drawn
    assert "4 succeeded" in shown(people.vera, "/kinds/load?days=365")
    page = shown(people.vera, "/targets/x%2F%3Cy%3E%20z")
    assert "A &lt;job&gt;&lt;U+202E&gt;" in page
    assert "1 touched it · none failed on it" in page
    page = shown(people.vera, "/targets/gs-2")
    assert "2 touched it" in page
    assert "1 failed on it" in page
    for path in ("/kinds/nonsense", "/targets/gs-3", "/targets/nonsense"):
        shown(people.vera, path, 404)
    for path in ("/kinds/load", "/targets/gs-1"):
        shown(people.nobody, path, 403)
        assert django_client().get(path).status_code == 302


def test_the_page_of_a_target_says_who_has_it_and_goes_on(people: People) -> None:
    Target.objects.create(name="gs-1", group="web", labels={"rack": "<7>"})
    jobs = [run_of(people.alice, *ran("go", "gs-1")) for _ in range(PAGE_SIZE + 1)]
    holder = make_job(people.carol.user, [ATTEMPT], team=people.blue, title="Theirs")
    waiting = make_job(people.alice.user, [ATTEMPT], team=people.red, title="Mine")
    for ticket, job in enumerate((holder, waiting), 1):
        Claim.objects.create(job=job, target="gs-1", ticket=ticket, held=ticket == 1)
    page = shown(people.alice, "/targets/gs-1")
    assert "another team’s job has it" in page
    assert "Theirs" not in page
    assert "Mine" in page
    assert "rack=&lt;7&gt;" in page
    assert "/inventory/" not in page
    assert "/inventory/" in shown(people.root, "/targets/gs-1")
    assert f"/jobs/{jobs[0].pk}" not in page
    older = page.split('href="?before=')[1].split('"')[0]
    assert f"/jobs/{jobs[0].pk}" in shown(people.alice, f"/targets/gs-1?before={older}")
    assert "Theirs" in shown(people.carol, "/targets/gs-1")
    assert shown(people.alice, "/targets/gs-1?before=nonsense").count("/jobs/") > PAGE_SIZE
