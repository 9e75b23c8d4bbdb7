"""Rights by every way in, held against a model of sets (`tests.support.rights_world`)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import combinations
from typing import Any

import pytest
from django.core.management import call_command

from core.ids import uuid7
from jobs import schedules
from jobs.events import EventType, NewEvent
from jobs.models import Job, Schedule, Team
from jobs.queue import leases
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import Person, post
from tests.support.rights_world import (
    ACTS,
    KINDS,
    NAMES,
    TARGETS,
    World,
    give_rights,
    granted,
    make_world,
)

pytestmark = pytest.mark.usefixtures("database", "redis", "say_kinds")

SEEDS = range(3)
GATE = {"gate": "go", "words": "Go on?", "not_by_submitter": False}
ASKED = NewEvent(EventType.JOB_APPROVAL_REQUESTED, GATE)
FAILED = NewEvent(EventType.JOB_FAILED, {"message": "No."})
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIELDS = {"command": "targets", "test-say": "claim", "test-visit": "places"}


@pytest.fixture(params=SEEDS)
def world(request: pytest.FixtureRequest, database: str) -> Iterator[World]:
    with granted():
        yield make_world(request.param)


def params(kind: str, names: list[str]) -> dict[str, Any]:
    more = {"command": "true"} if kind == "command" else {}
    return {FIELDS[kind]: names, **more}


def wishes() -> list[tuple[str, list[str]]]:
    """Return every kind with no target, each one, and some pairs of them."""
    chance = random.Random(1)
    pairs = chance.sample(list(combinations(NAMES, 2)), 5)
    some = [*([name] for name in NAMES), *map(list, pairs)]
    return [(kind, names) for kind in KINDS for names in some] + [("test-say", [])]


def everybody(world: World) -> list[tuple[str, Person]]:
    return sorted(world.people.items())


def test_submissions_and_plans(world: World) -> None:
    for who, person in everybody(world):
        client = person.client()
        for kind, names in wishes():
            wish = {"kind": kind, "params": params(kind, names)}
            expected = world.submit(who, kind, names)
            answer = post(client, "/api/jobs", wish)
            assert (who, wish, answer.status_code) == (who, wish, expected), answer.content
            planned = post(client, "/api/plan", wish)
            assert planned.status_code == (200 if expected == 201 else expected)
            if expected == 201:
                assert answer.json()["team"] == world.team_for(who, kind, names)
            elif expected == 422 and world.may(who, "see", kind):
                unseen = [name for name in names if not world.may(who, "see", kind, name)]
                details = [error["detail"] for error in answer.json()["errors"]]
                unknown = [name for name in names if kind == "command" and name not in TARGETS]
                assert {f"There is no target {name}." for name in [*unseen, *unknown]} == {*details}


def test_groups_and_labels_stand_for_what_may_be_run(world: World) -> None:
    for who, person in everybody(world):
        for selector in ("group:eu", "group:us", "label:role=web", "label:role"):
            names = world.expand(who, "command", selector)
            wish = {"kind": "command", "params": params("command", [selector])}
            answer = post(person.client(), "/api/plan", wish)
            expected = world.submit(who, "command", names) if names else 422
            if world.may(who, "see", "command") and not world.may(who, "run", "command"):
                expected = 403
            assert answer.status_code == (200 if expected == 201 else expected), answer.content
            if expected == 201:
                groups = answer.json()["plan"]["groups"]
                assert [name for group in groups for name in group["targets"]] == names


def test_lists_of_kinds_and_choices(world: World) -> None:
    for who, person in everybody(world):
        client = person.client()
        listed = {one["name"]: one for one in client.get("/api/kinds").json()["kinds"]}
        seen = {kind for kind in KINDS if world.may(who, "see", kind)}
        assert listed.keys() & set(KINDS) == seen
        page = client_page(person, "/jobs/new")
        jobs = client_page(person, "/")
        for kind in KINDS:
            runs = world.may(who, "run", kind)
            assert (f'href="/jobs/new?kind={kind}"' in page) == runs
            assert ("run" in listed.get(kind, {}).get("can", [])) == runs
            assert (f'"{kind}": ' in jobs) == (kind in seen)
            form = person.browser().get(f"/jobs/new?kind={kind}")
            assert form.status_code == (200 if runs else 404)
            choices = client.get(f"/api/choices?kind={kind}&name=targets")
            assert choices.status_code == (200 if kind in seen else 400)
            if kind not in seen:
                continue
            offered = {value_of(option) for option in choices.json()["options"]}
            assert offered & set(TARGETS) == {
                name for name in TARGETS if world.may(who, "see", kind, name)
            }
            if kind != "test-say":
                shown = listed[kind]["schema"]["properties"][FIELDS[kind]]["x-options"]
                assert shown == choices.json()["options"]


def client_page(person: Person, path: str) -> str:
    return person.browser().get(path).content.decode()


def value_of(option: Any) -> str:
    return str(option["value"] if isinstance(option, dict) else option)


def jobs_of(world: World, *events: NewEvent) -> Iterator[tuple[Job, str, str, list[str], str]]:
    """Yield a job for each team and kind: with its team, kind, targets and owner."""
    chance = random.Random(2)
    for team in world.teams:
        for kind in KINDS:
            names, owner = chance.sample(NAMES, 2), chance.choice(["ann", "ben", "cleo"])
            plan = {"steps": [], "groups": [{"name": "all", "targets": names}], "words": ""}
            job = make_job(
                world.people[owner].user, events, id=uuid7(), kind=kind, plan=plan,
                params=params(kind, names), team=Team.objects.get(slug=team),
            )  # fmt: skip
            yield job, team, kind, names, owner


@pytest.mark.parametrize("act", ["cancel", "pause"])
def test_steering(world: World, act: str) -> None:
    for job, team, kind, _names, owner in jobs_of(world, ATTEMPT):
        for who, person in everybody(world):
            expected = world.steer(who, team, kind, owner)
            shown = person.client().get(f"/api/jobs?id={job.pk}").json()["jobs"]
            assert (act in shown[0]["can"] if shown else False) == (expected == 202)
            if expected != 202:
                answer = post(person.client(), f"/api/jobs/{job.pk}/{act}")
                assert (who, team, kind, answer.status_code) == (who, team, kind, expected)
        able = [who for who in world.people if world.steer(who, team, kind, owner) == 202]
        assert post(world.people[able[0]].client(), f"/api/jobs/{job.pk}/{act}").status_code == 202


def test_answering(world: World) -> None:
    for job, team, kind, names, owner in jobs_of(world, ATTEMPT, ASKED):
        able = []
        for who, person in everybody(world):
            expected = world.answer(who, team, kind, owner, names)
            for brief in ("", "&brief=true"):
                shown = person.client().get(f"/api/jobs?id={job.pk}{brief}").json()["jobs"]
                assert bool(shown and "approve" in shown[0]["can"]) == (expected == 202)
                assert not shown or bool(shown[0]["refused"]) == (expected != 202)
            if expected != 202:
                answer = post(person.client(), f"/api/jobs/{job.pk}/approve")
                assert (who, team, kind, answer.status_code) == (who, team, kind, expected)
            else:
                able.append(person)
        assert post(able[0].client(), f"/api/jobs/{job.pk}/approve").status_code == 202


def test_retries_stay_with_the_team(world: World) -> None:
    for job, team, kind, names, owner in jobs_of(world, ATTEMPT, FAILED):
        for who, person in everybody(world):
            answer = post(person.client(), f"/api/jobs/{job.pk}/retry", {"only": "all"})
            allowed = world.steer(who, team, kind, owner) == 202
            covers = world.staff(who) or all(
                world.team_may(team, "run", kind, name) for name in names
            )
            unknown = kind == "command" and not set(names) <= set(TARGETS)
            made = answer.status_code == 201
            assert (who, kind, names, made) == (
                who,
                kind,
                names,
                allowed and covers and not unknown,
            )
            if made:
                assert answer.json()["team"] == team


def test_the_start(world: World) -> None:
    made = list(jobs_of(world))
    give_rights(world, random.Random(3))
    taken = leases.take_many([job.pk for job, *_ in made], "test/1")
    for job, team, kind, names, _owner in made:
        covers = world.team_may(team, "run", kind) and all(
            world.team_may(team, "run", kind, name) for name in names
        )
        row = Job.objects.get(pk=job.pk)
        if not covers:
            assert (row.status, job.pk in taken) == ("failed", False)
            assert f"Its team, {team}, may no longer run" in row.message
        else:
            assert row.status in {"running", "waiting"}  # for a target that another of them has


def test_schedules(world: World) -> None:
    for who, person in everybody(world):
        for number, (kind, names) in enumerate(wishes()):
            nightly = Schedule(
                name=f"{who} {number}", kind=kind, cron="0 3 * * *", owner=person.user,
                params=params(kind, names), author=world.people["root"].user,
            )  # fmt: skip
            expected = world.submit(who, kind, names)
            problem = schedules.find_problem(nightly)
            assert (problem is None) == (expected == 201), problem
            schedules.plan_next(nightly, MONDAY)
            nightly.save()
    schedules.fire_due(MONDAY + 3 * HOUR)
    for job in Job.objects.exclude(kind="system").select_related("team", "owner"):
        who = job.owner.username if job.owner else ""
        names = Schedule.objects.get(name=job.labels["schedule"]).params[FIELDS[job.kind]]
        expected = world.submit(who, job.kind, names)
        assert (job.status == "queued") == (expected == 201)
        if expected == 201:
            assert (job.team.slug if job.team else None) == world.team_for(who, job.kind, names)


def test_the_author_of_a_schedule_has_to_have_the_right_too(world: World) -> None:
    owner = world.people["root"].user
    for who, person in everybody(world):
        for kind in KINDS:
            for name in TARGETS:
                nightly = Schedule(
                    name=f"{who} {kind} {name}", kind=kind, cron="0 3 * * *", owner=owner,
                    params=params(kind, [name]), author=person.user,
                )  # fmt: skip
                schedules.plan_next(nightly, MONDAY)
                nightly.save()
    schedules.fire_due(MONDAY + 3 * HOUR)
    for job in Job.objects.exclude(kind="system"):
        who, kind, name = job.labels["schedule"].split()
        allowed = world.may(who, "run", kind, name)
        assert (job.status, who, kind) == ("queued" if allowed else "failed", who, kind)
        assert allowed or f"No team of {who} may run" in job.message


def test_the_command_that_checks(world: World) -> None:
    for who, _person in everybody(world):
        for kind in KINDS:
            for name in NAMES:
                out = StringIO()
                call_command("rights", "check", who, kind, name, stdout=out)
                said = [line.split()[:2] for line in out.getvalue().splitlines()]
                assert said == [
                    [act, "yes" if world.may(who, act, kind, name) else "no"] for act in ACTS
                ]
