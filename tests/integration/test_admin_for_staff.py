"""The admin: what the how-to guides say that staff manage there, they can, and no more."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from jobs.feed import consumers
from jobs.models import ApiToken, Consumer, Schedule, Target, Team
from tests.support.factories import make_team, make_user
from tests.support.people import People, django_client

pytestmark = pytest.mark.usefixtures("database", "redis")

ADD = ("jobs/schedule", "jobs/target", "jobs/team")
READ = (*ADD, "jobs/apitoken", "jobs/job", "jobs/consumer")


@pytest.fixture
def demo(tmp_path: Path) -> User:
    call_command("demo", credentials=tmp_path / "credentials.json", stdout=StringIO())
    return User.objects.get(username="demo")


def browser(user: User) -> Client:
    made = Client(headers={"Host": "localhost"})
    made.force_login(user)
    return made


def test_staff_without_any_role_manage_what_is_set_up_by_hand() -> None:
    assert_manages(make_user("plain", role="", staff=True))


def test_the_demo_user_manages_what_is_set_up_by_hand(demo: User) -> None:
    assert_manages(demo)


def assert_manages(user: User) -> None:
    client = browser(user)
    index = client.get("/admin/").content.decode()
    for model in READ:
        assert f'href="/admin/{model}/"' in index
        assert (model, client.get(f"/admin/{model}/").status_code) == (model, 200)
    for model in ADD:
        assert (model, client.get(f"/admin/{model}/add/").status_code) == (model, 200)
    target = {"name": "x", "labels": "{}", "variables": "{}", "transport": "local", "address": "x"}
    add(client, "target", target)
    add(client, "team", {"name": "Ops", "slug": "ops"})
    schedule = {
        "name": "nightly", "kind": "version-update", "params": "{}", "cron": "0 3 * * *",
        "timezone": "UTC", "owner": user.pk, "on_missed": "skip", "overlap": "skip",
    }  # fmt: skip
    add(client, "schedule", schedule)
    for one in (Target.objects.get(), Team.objects.get(slug="ops"), Schedule.objects.get()):
        address = f"/admin/jobs/{type(one).__name__.lower()}/{one.pk}/delete/"
        assert client.post(address, {"post": "yes"}).status_code == 302


def add(client: Client, model: str, form: dict[str, Any]) -> None:
    answer = client.post(f"/admin/jobs/{model}/add/", form)
    assert (model, answer.status_code) == (model, 302)


def test_the_demo_user_adds_people_and_gives_them_roles(demo: User) -> None:
    client = browser(demo)
    form = {"username": "ann", "password1": "a long secret 1", "password2": "a long secret 1"}
    form["usable_password"] = "true"
    assert client.post("/admin/auth/user/add/", form).status_code == 302
    ann = User.objects.get(username="ann")
    groups = [Group.objects.get(name="operator").pk]
    change = {
        "username": "ann", "is_active": "on", "groups": groups, "is_superuser": "on",
        "date_joined_0": "2026-11-29", "date_joined_1": "12:00:00",
    }  # fmt: skip
    assert client.post(f"/admin/auth/user/{ann.pk}/change/", change).status_code == 302
    ann.refresh_from_db()
    assert [group.name for group in ann.groups.all()] == ["operator"]
    assert not ann.is_superuser


def test_who_is_no_superuser_touches_none(demo: User) -> None:
    root = User.objects.create_superuser("boss", password="secret")
    client = browser(demo)
    page = f"/admin/auth/user/{root.pk}"
    assert client.post(f"{page}/change/", {"username": "mine"}).status_code == 403
    assert client.post(f"{page}/password/", {"password1": "x"}).status_code == 403
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    assert "user_permissions" not in client.get("/admin/auth/user/add/").content.decode()


def test_staff_without_the_role_add_nobody(people: People) -> None:
    assert people.root.browser().get("/admin/auth/user/").status_code == 403


def test_who_is_no_staff_manages_nothing(people: People) -> None:
    for model in READ:
        assert people.alice.browser().get(f"/admin/{model}/").status_code == 302
    client = people.alice.client()
    answers = [
        client.get("/api/schedules"),
        client.get("/api/schedules/1"),
        client.patch("/api/schedules/1", {"enabled": False}, content_type=JSON),
        client.delete("/api/schedules/1"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4


def test_tokens_are_revoked_by_staff(people: People) -> None:
    token = ApiToken.objects.get(user=people.bob.user)
    form = {"action": "revoke", "_selected_action": str(token.pk)}
    assert browser(people.root.user).post("/admin/jobs/apitoken/", form).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_consumers_are_switched_off_and_on(people: People) -> None:
    client = browser(people.root.user)
    Consumer.objects.create(name="frail", failures=3, error="ValueError: x")
    for action, enabled in (("disable", False), ("enable", True)):
        form = {"action": action, "_selected_action": "frail"}
        assert client.post("/admin/jobs/consumer/", form).status_code == 302
        [standing] = consumers.consumer_status()
        assert standing.enabled is enabled


JSON = "application/json"


def test_the_command_and_the_api_show_the_same(people: People) -> None:
    owner = make_user("owner", team=make_team())
    Schedule.objects.create(name="bad", kind="gone", cron="0 3 * * *", owner=owner, failures=2)
    out = StringIO()
    call_command("schedules", "--json", stdout=out)
    [listed] = json.loads(out.getvalue())
    [shown] = people.root.client().get("/api/schedules").json()["schedules"]
    assert (listed["name"], listed["failures"]) == (shown["name"], shown["failures"]) == ("bad", 2)


def test_the_api_takes_no_unknown_schedule_and_no_other_change(people: People) -> None:
    client = people.root.client()
    for name in ("7", "x", "9" * 30, "٣"):
        assert client.get(f"/api/schedules/{name}").status_code == 404
    owner = make_user("owner")
    one = Schedule.objects.create(name="one", kind="gone", cron="0 3 * * *", owner=owner)
    bodies: tuple[object, ...] = ({}, {"enabled": "maybe"}, {"enabled": True, "cron": "* * * * *"})
    for body in bodies:
        answer = client.patch(f"/api/schedules/{one.pk}", json.dumps(body), content_type=JSON)
        assert answer.status_code == 400
    assert django_client().get("/api/schedules").status_code == 401
