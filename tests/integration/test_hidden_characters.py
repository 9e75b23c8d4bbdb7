"""Characters that nobody sees: refused in what people name, written out in what a kind makes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client

from core.errors import InvalidParams, RepriseError
from jobs import log
from jobs.access import tokens
from jobs.events import EventType, NewEvent, parse
from jobs.kinds import registry
from jobs.models import Job, Schedule, Target, Team
from jobs.targets.yaml_file import read_file
from tests.support import kinds
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, post

pytestmark = pytest.mark.usefixtures("database", "say_kinds")

HIDDEN = "rm \u202egnp.exe"
SAYS = "It has U+202E (right-to-left override), which is not visible."
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"


def wish(**members: Any) -> dict[str, Any]:
    return {"kind": "test-say", "params": {}, **members}


@pytest.mark.parametrize(
    ("members", "pointer"),
    [({"title": HIDDEN}, "/title"), ({"labels": {"ticket": HIDDEN}}, "/labels/ticket")],
)
def test_a_title_and_a_label_are_refused(
    people: People, members: dict[str, Any], pointer: str
) -> None:
    answer = post(people.alice.client(), "/api/jobs", wish(**members))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")
    assert answer.json()["errors"] == [{"pointer": pointer, "detail": SAYS}]
    assert not Job.objects.exists()


def test_what_people_write_with_joiners_is_taken(people: People) -> None:
    members = wish(title=f"{PERSIAN} 👩\u200d💻", labels={"who": PERSIAN})
    answer = post(people.alice.client(), "/api/jobs", members)
    assert (answer.status_code, answer.json()["title"]) == (201, members["title"])


def test_a_title_that_a_kind_makes_of_its_parameters_is_written_out(people: People) -> None:
    Target.objects.create(name="gs-1")
    people.alice.user.groups.add(Group.objects.get(name="commander"))
    params = {"targets": ["gs-1"], "command": f"echo {HIDDEN}"}
    answer = post(people.alice.client(), "/api/jobs", {"kind": "command", "params": params})
    assert answer.json()["title"] == "echo rm <U+202E>gnp.exe · gs-1"
    assert answer.json()["params"]["command"] == params["command"]


@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_a_reason_is_refused(people: People, act: str) -> None:
    job = make_job(people.alice.user, [ATTEMPT], team=people.red)
    answer = post(people.alice.client(), f"/api/jobs/{job.pk}/{act}", {"reason": HIDDEN})
    assert (answer.status_code, answer.json()["detail"]) == (400, f"The reason: {SAYS}")
    said = post(people.alice.client(), f"/api/jobs/{job.pk}/{act}", {"reason": "one\ntwo"})
    assert said.status_code == 202


def test_a_retry_of_a_job_from_before_has_its_title_written_out(people: People) -> None:
    failed = NewEvent(EventType.JOB_FAILED, {"message": "Ill."})
    params = kinds.Places(places=["gs-1"]).model_dump()
    plan = kinds.Visit().plan(kinds.Places(places=["gs-1"])).as_dict()
    job = make_job(
        people.alice.user, [ATTEMPT, failed], kind="test-visit", params=params, plan=plan,
        team=people.red, title=HIDDEN, labels={"a": HIDDEN},
    )  # fmt: skip
    again = post(people.alice.client(), f"/api/jobs/{job.pk}/retry")
    assert (again.status_code, again.json()["title"]) == (201, "rm <U+202E>gnp.exe")
    assert parse(log.read(job.pk).texts[0]).data["title"] == HIDDEN


def test_a_token_is_refused(people: People) -> None:
    with pytest.raises(InvalidParams) as refused:
        tokens.make_token(people.alice.user, "de\u200bploy")
    [error] = refused.value.errors
    assert (error["pointer"], "U+200B" in error["detail"]) == ("/name", True)


@pytest.mark.parametrize(
    "entry",
    [
        "{name: 'gs\u200b1'}",
        "{name: gs1, group: 'we\u00adb'}",
        "{name: gs1, labels: {'r\u2066': a}}",
        "{name: gs1, labels: {role: 'a\ufeffb'}}",
    ],
)
def test_a_target_is_refused(entry: str, tmp_path: Path) -> None:
    path = tmp_path / "targets.yml"
    path.write_text(f"targets: [{entry}]")
    with pytest.raises(RepriseError, match=r"U\+(200B|00AD|2066|FEFF)"):
        read_file(path)


@pytest.fixture
def admin(people: People) -> Client:
    people.root.user.is_superuser = True
    people.root.user.save()
    browser = Client(headers={"Host": "localhost"})
    browser.force_login(people.root.user)
    return browser


SCHEDULE = {
    "name": "nightly", "kind": "test-say", "params": "{}", "title": "", "cron": "0 3 * * *",
    "timezone": "UTC", "on_missed": "skip", "overlap": "skip",
}  # fmt: skip
PERSON = {"username": "eve", "first_name": "", "last_name": "", "email": "", "is_active": "on",
          "date_joined_0": "2026-11-23", "date_joined_1": "10:00:00"}  # fmt: skip
PASSWORD = {"usable_password": "false"}


@pytest.mark.parametrize(
    ("page", "form"),
    [
        ("jobs/team/add/", {"name": "Re\u200bd", "slug": "red-2"}),
        ("jobs/schedule/add/", SCHEDULE | {"name": "night\u202ely"}),
        ("jobs/schedule/add/", SCHEDULE | {"title": "night\u202ely"}),
        ("auth/user/add/", PASSWORD | {"username": "al\u3164ice"}),
    ],
)
def test_the_admin_refuses_names(
    people: People, admin: Client, page: str, form: dict[str, str]
) -> None:
    owner = {"owner": str(people.alice.user.pk)} if "schedule" in page else {}
    answer = admin.post(f"/admin/{page}", form | owner)
    assert answer.status_code == 200
    assert "which is not visible." in answer.content.decode()
    assert (Team.objects.count(), Schedule.objects.count()) == (2, 0)


def test_the_admin_refuses_the_names_of_a_person_who_is_changed(
    people: People, admin: Client
) -> None:
    page = f"/admin/auth/user/{people.alice.user.pk}/change/"
    answer = admin.post(page, PERSON | {"username": "alice", "first_name": "A\u202elice"})
    assert "which is not visible." in answer.content.decode()


def test_a_kind_is_refused() -> None:
    class Odd(kinds.Say):
        title = "Sa\u202ey"

    with pytest.raises(ValueError, match=r"its title does not fit: It has U\+202E"):
        registry._make_kind(Odd)


def test_the_admin_writes_out_the_title_of_a_job(people: People, admin: Client) -> None:
    job = make_job(people.alice.user, title=HIDDEN)
    for page in ("", f"{job.pk}/change/"):
        shown = admin.get(f"/admin/jobs/job/{page}").content.decode()
        assert "rm &lt;U+202E&gt;gnp.exe" in shown
        assert "\u202e" not in shown


class Screen(io.StringIO):
    """What is printed on a terminal."""

    def isatty(self) -> bool:
        return True


def test_commands_write_it_out_on_a_terminal_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Target.objects.create(name=HIDDEN)
    for screen, shown in ((Screen(), "rm <U+202E>gnp.exe"), (io.StringIO(), HIDDEN)):
        monkeypatch.setattr("sys.stdout", screen)
        call_command("targets", "list")
        assert shown in screen.getvalue()
