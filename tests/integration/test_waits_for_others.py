"""A job that waits for a target tells whose job has it only to those who may see that one too."""

from __future__ import annotations

import pytest

from jobs import commands, log
from jobs.models import Job, Target
from jobs.queue import leases
from tests.support.people import People, Person

pytestmark = pytest.mark.usefixtures("database")


def make_waiting(holder: Person, waiting: Person) -> tuple[Job, Job]:
    """Return a job that has a target, and one that waits for it."""
    params = {"targets": ["gs-1"], "command": "true"}
    first, second = (
        commands.submit(person.principal, "command", params)[0] for person in (holder, waiting)
    )
    assert leases.take_job(first.pk, "w")
    assert leases.take_job(second.pk, "w") is None
    second.refresh_from_db()
    return first, second


@pytest.fixture
def commanders(people: People) -> People:
    """All may submit commands."""
    Target.objects.create(name="gs-1")
    for person in (people.alice, people.bob, people.carol, people.nobody):
        person.user.is_staff = True
        person.user.save()
    return people


def test_a_job_of_the_same_team_is_named(commanders: People) -> None:
    first, second = make_waiting(commanders.alice, commanders.bob)
    assert second.waiting_for == [{"target": "gs-1", "job": str(first.pk)}]


def test_a_job_of_another_team_is_named_nowhere(commanders: People) -> None:
    first, second = make_waiting(commanders.alice, commanders.carol)
    assert second.waiting_for == [{"target": "gs-1", "job": None}]
    assert str(first.pk) not in "".join(log.read(second.pk).texts)
    shown = commanders.carol.client().get(f"/api/jobs/{second.pk}")
    assert shown.json()["waiting_for"][0]["job"] is None


def test_without_a_team_one_s_own_jobs_are_named(commanders: People) -> None:
    first, second = make_waiting(commanders.nobody, commanders.nobody)
    assert second.waiting_for == [{"target": "gs-1", "job": str(first.pk)}]


def test_without_a_team_somebody_else_s_are_not(commanders: People) -> None:
    _first, second = make_waiting(commanders.root, commanders.nobody)
    assert second.waiting_for == [{"target": "gs-1", "job": None}]
