"""Credentials that a job may not use: at every way in, and when the right has gone meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from core import clock
from core.errors import InvalidParams
from jobs import commands, schedules
from jobs.access.visibility import Principal
from jobs.commands import retry, steer
from jobs.models import Credential, Job, Schedule
from jobs.targets import diff, yaml_file
from tests.integration.credential_kinds import Asks
from tests.integration.credential_runs import TYPED, VALUE, ask, make_commander, message, submit
from tests.integration.updates import Told, work
from tests.support.credentials import make_credential
from tests.support.people import People, post
from tests.support.system_log import all_text
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("redis", "key_file", "asking_kinds")


@pytest.fixture
def commander(people: People) -> Principal:
    return make_commander(people)


REFUSED = "There is no credential web-token that jobs of the team blue may use."
SECRETS = {"TOKEN": {"credential": "web-token"}}


def test_another_teams_credential_is_refused_at_every_way_in(
    commander: Principal, people: People, tmp_path: Path
) -> None:
    carol = people.carol.principal
    inventory = tmp_path / "targets.yaml"
    inventory.write_text(
        "- {name: box}\n- {name: web, transport: ssh, address: 'ssh://x@h', "
        "variables: {credential: web-token}}\n"
    )
    diff.apply_changes(yaml_file.read_file(inventory), prune=False)
    params = {"targets": ["box"], "command": "true", "secrets": SECRETS}
    for path, body in (
        ("/api/jobs", {"kind": "command", "params": params}),
        ("/api/plan", {"kind": "command", "params": params}),
    ):
        answer = post(people.carol.client(), path, body)
        assert (path, answer.status_code) == (path, 422)
        assert answer.json()["errors"] == [{"pointer": "/secrets/TOKEN", "detail": REFUSED}]
    wishes: list[tuple[Callable[[], UUID], str]] = [
        (lambda: submit(carol, "true", "web"), ""),
        (lambda: ask(carol, name="web-token"), ""),
        (lambda: ask(carol, secret={"credential": "web-token"}), "/secret"),
    ]
    for wish, pointer in wishes:
        with pytest.raises(InvalidParams) as refused:
            wish()
        [error] = refused.value.errors
        assert (error["pointer"], error["detail"].endswith(REFUSED)) == (pointer, True)
    unknown = {**params, "secrets": {"TOKEN": {"credential": "none"}}}
    with pytest.raises(InvalidParams) as refused:  # the same words: nobody learns what there is
        commands.submit(carol, "command", unknown)
    assert refused.value.errors[0]["detail"] == REFUSED.replace("web-token", "none")
    assert not Job.objects.exclude(kind="system").exists()


def test_a_schedule_uses_what_its_owners_team_may(commander: Principal, people: People) -> None:
    params = {"targets": ["box"], "command": "true", "secrets": SECRETS}
    values = {"kind": "command", "cron": "* * * * *", "author": people.alice.user}
    wanted = Schedule(name="mine", owner=people.alice.user, params=params, **values)
    assert schedules.find_problem(wanted) is None
    other = Schedule(name="theirs", owner=people.carol.user, params=params, **values)
    assert schedules.find_problem(other) == ("params", f"/secrets/TOKEN: {REFUSED}")
    typed = Schedule(
        name="typed", owner=people.alice.user, params={**params, "secrets": {"A": TYPED}}, **values
    )
    assert schedules.find_problem(typed) == (
        "params", "A schedule keeps its parameters as they are: no secrets.",
    )  # fmt: skip
    for one in (wanted, other):
        schedules.plan_next(one, one_minute_ago())
        one.save()
    assert schedules.fire_due() == 1
    failed = Job.objects.get(status="failed")
    assert failed.message == f"Not submitted: 1 parameter does not fit. /secrets/TOKEN: {REFUSED}"
    assert failed.params == params
    [told] = work(Job.objects.get(labels={"schedule": "mine"}).pk)
    assert told.ending.type == "job.succeeded"


def one_minute_ago() -> datetime:
    return clock.now() - timedelta(minutes=1)


def test_the_right_is_asked_for_again_at_each_step(commander: Principal, people: People) -> None:
    job = ask(commander, name="web-token", gate=True)
    gone = ask(people.bob.principal, secret={"credential": "web-token"}, gate=True)

    def withdraw() -> None:
        for one in (job, gone):
            until(lambda: Told.of(one).of_type("job.approval_requested"), "the gate")  # noqa: B023
        Credential.objects.filter(name="web-token").update(team=people.blue)
        for one in (job, gone):
            steer.approve(commander, one)

    for told in work(job, gone, meanwhile=withdraw):
        assert told.ending.type == "job.failed"
        assert message(told) == f"second: {REFUSED.replace('blue', 'red')}"
    assert Asks.had == [VALUE, VALUE]
    assert f"Job {job} of user:alice was refused the credential web-token." in all_text()
    with pytest.raises(InvalidParams) as refused:
        retry.retry(commander, gone, "all")
    assert refused.value.errors[0]["detail"] == REFUSED.replace("blue", "red")
    Credential.objects.filter(name="web-token").update(team=people.red)
    assert retry.retry(commander, gone, "all")[1]


def test_one_that_is_removed_while_a_run_is_parked_is_said(
    commander: Principal, people: People
) -> None:
    job = ask(commander, name="web-token", gate=True)

    def remove() -> None:
        until(lambda: Told.of(job).of_type("job.approval_requested"), "the gate")
        Credential.objects.filter(name="web-token").delete()
        steer.approve(commander, job)

    [told] = work(job, meanwhile=remove)
    assert message(told) == f"second: {REFUSED.replace('blue', 'red')}"
    make_credential("web-token", "a newer value", people.red)
    again, _ = retry.retry(commander, job, "all")
    assert again.params == Job.objects.get(pk=job).params


def test_a_retry_is_of_the_jobs_team_whoever_asks(commander: Principal, people: People) -> None:
    make_credential("of-staff", VALUE)
    people.red.members.add(people.root.user)
    job = submit(people.root.principal, "exit 1", secrets={"TOKEN": {"credential": "of-staff"}})
    work(job)
    with pytest.raises(InvalidParams):
        retry.retry(commander, job)
    assert retry.retry(people.root.principal, job)[1]
