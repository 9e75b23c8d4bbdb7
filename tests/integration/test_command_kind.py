"""Any command on any targets: who may, where it runs, how it ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import override_settings

from core.errors import Forbidden, InvalidParams
from jobs import commands
from jobs.access.visibility import Principal
from jobs.commands import steer
from jobs.models import Job, Target
from tests.acceptance.process_search import with_environment
from tests.integration.updates import Told, work
from tests.support.people import People, post
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")

FIVE = [f"box-{number}" for number in range(1, 6)]


@pytest.fixture
def commander(people: People) -> Principal:
    people.alice.user.groups.add(Group.objects.get(name="commander"))
    for number, name in enumerate(FIVE):
        Target.objects.create(name=name, group="odd" if number % 2 == 0 else "even")
    return people.alice.principal


def submit(who: Principal, command: str | list[str], **how: Any) -> UUID:
    params = {"targets": FIVE, "command": command, **how}
    return commands.submit(who, "command", params)[0].pk


def test_it_runs_everywhere_and_the_log_has_what_it_said(commander: Principal) -> None:
    [told] = work(submit(commander, 'echo "hello from $REPRISE_TARGET"', batch=2))
    assert told.ending.type == "job.succeeded"
    assert told.ending.data["message"] == "It succeeded on 5 of 5 targets."
    assert [told.output(name, "run") for name in FIVE] == [f"hello from {name}\n" for name in FIVE]
    first, second = told.of_type("step.succeeded", "box-1"), told.of_type("step.started", "box-2")
    assert first[0].seq < second[0].seq  # the canary went alone
    progress = [tuple(event.data.values()) for event in told.of_type("job.progressed")]
    assert progress == [(done, 5, 0) for done in range(1, 6)]


def test_words_are_no_shell_line(commander: Principal) -> None:
    [told] = work(submit(commander, ["echo", "$HOME; true"], targets=["box-1"]))
    assert told.output("box-1", "run") == "$HOME; true\n"


def test_a_status_other_than_0_fails_the_target_and_says_so(commander: Principal) -> None:
    script = 'case $REPRISE_TARGET in box-2) echo "no disk" >&2; exit 3;; esac'
    [told] = work(submit(commander, script))
    assert told.ending.type == "job.failed"
    assert told.ending.data["failed_targets"] == ["box-2"]
    assert told.ending.data["message"] == (
        "It failed on 1 of 5 targets: box-2. It succeeded on 4 of 5 targets."
    )
    [failed] = told.of_type("step.failed")
    error = {"type": "CommandFailed", "message": "exit status 3: no disk"}
    assert failed.data["error"] == error


def test_past_the_threshold_the_rest_is_left_alone(commander: Principal) -> None:
    [told] = work(submit(commander, "exit 1", max_failures=0, canary=1, batch=2))
    assert told.ending.data["message"] == (
        "The run stopped: it failed on 1 of 5 targets: box-1. It succeeded on 0 of 5 targets."
    )
    assert [event.target for event in told.of_type("step.skipped")] == FIVE[1:]


def test_it_waits_for_approval_after_the_canary(commander: Principal) -> None:
    job = submit(commander, "true", pause_after_canary=True)

    def approve() -> None:
        until(lambda: Told.of(job).of_type("job.approval_requested"), "the question")
        begun = [one.target for one in Told.of(job).of_type("step.started") if one.step == "run"]
        assert begun == ["box-1"]
        steer.approve(commander, job)

    [told] = work(job, meanwhile=approve)
    assert told.ending.data["message"] == "It succeeded on 5 of 5 targets."


def test_a_target_that_fails_is_tried_again(commander: Principal, tmp_path: Path) -> None:
    script = f"cd {tmp_path}; [ -e tried ] || {{ touch tried; exit 1; }}"
    [told] = work(submit(commander, script, targets=["box-1"], retries=2))
    assert told.ending.type == "job.succeeded"
    assert len(told.of_type("step.retried")) == 1


def test_one_that_takes_too_long_fails(commander: Principal) -> None:
    [told] = work(submit(commander, "sleep 1000", targets=["box-1"], timeout_s=1))
    [failed] = told.of_type("step.failed")
    assert failed.data["error"]["message"] == "took longer than 1 s"


def test_a_stopped_run_ends_its_commands_with_their_children(commander: Principal) -> None:
    script = "sleep 1000 & echo here; wait"
    job = submit(commander, script, canary=0, batch=2)

    def stop() -> None:
        until(lambda: len(Told.of(job).of_type("step.output")) == 2, "both commands")
        commands.cancel(commander, job)

    config = settings.REPRISE.with_changes(cancel_grace_seconds=0.5)
    with override_settings(REPRISE=config):
        [told] = work(job, meanwhile=stop)
    assert told.ending.type == "job.cancelled"
    message = "Stopped on request. It succeeded on 0 of 5 targets."
    assert told.ending.data["message"] == message
    assert with_environment(REPRISE_JOB=str(job)) == {}


def test_selectors_become_names_when_the_job_is_submitted(commander: Principal) -> None:
    row = Job.objects.get(pk=submit(commander, "true", targets=["box-4", "group:odd"]))
    assert row.params["targets"] == ["box-4", "box-1", "box-3", "box-5"]
    assert row.title == "true · 4 targets"
    with pytest.raises(InvalidParams) as caught:
        submit(commander, "true", targets=["group:prime", "box-1"])
    [error] = caught.value.errors
    assert error == {"pointer": "/targets/0", "detail": "No target fits group:prime."}


def test_it_is_for_commanders_and_staff(commander: Principal, people: People) -> None:
    with pytest.raises(Forbidden, match="Your role does not let you submit jobs of the kind"):
        submit(people.bob.principal, "true")
    wish = {"kind": "command", "params": {"targets": ["box-1"], "command": "true"}}
    assert post(people.bob.client(), "/api/plan", wish).status_code == 403
    assert post(people.alice.client(), "/api/jobs", wish).status_code == 201
    assert post(people.root.client(), "/api/jobs", wish).status_code == 201
    kinds = {
        who: who.client().get("/api/kinds").json()["kinds"] for who in (people.alice, people.bob)
    }
    assert "command" in {kind["name"] for kind in kinds[people.alice]}
    assert "command" not in {kind["name"] for kind in kinds[people.bob]}
    [form] = [kind for kind in kinds[people.alice] if kind["name"] == "command"]
    options = form["schema"]["properties"]["targets"]["x-options"]
    assert [(one["value"], one["group"]) for one in options] == [
        ("group:even", "Groups"),
        ("group:odd", "Groups"),
        *((name, "Targets") for name in FIVE),
    ]


def test_commands_get_none_of_the_services_secrets(
    commander: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_SECRET_KEY", "hush")
    assert os.environ["REPRISE_SECRET_KEY"] == "hush"
    [told] = work(submit(commander, "env", targets=["box-1"]))
    assert "hush" not in told.output("box-1", "run")
