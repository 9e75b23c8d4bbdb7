"""The system's own log: who changed what, whatever they changed it by, with the change."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User, update_last_login
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from core import clock
from jobs import schedules, system_log
from jobs.access import tokens
from jobs.models import ApiToken, Schedule, Target, Team
from jobs.system_log import acting_as, current_actor
from tests.support.people import People, post
from tests.support.system_log import all_text, system_events, told

pytestmark = pytest.mark.usefixtures("database")

Way = Callable[[People], object]


def admin(path: str, **fields: object) -> Way:
    """Return the way to change something by a form of the admin, as the superuser root."""

    def send(people: People) -> None:
        User.objects.filter(pk=people.root.user.pk).update(is_superuser=True)
        browser = Client(headers={"Host": "localhost"})
        browser.force_login(people.root.user)
        data = {name: value(people) if callable(value) else value for name, value in fields.items()}
        answer = browser.post(path.format(people=people), data)
        assert answer.status_code == 302, answer.content.decode()

    return send


def patch(path: str, body: object) -> Way:
    """Return the way to change something by the REST API, as root's token."""

    def send(people: People) -> None:
        answer = people.root.client().patch(path, json.dumps(body), content_type="application/json")
        assert answer.status_code == 200, answer.content

    return send


def schedule(**values: Any) -> Schedule:
    """Return a schedule that is stored without a word of it in the log."""
    with system_log.unrecorded():
        owner = User.objects.get(username="root")
        known = {"name": "nightly", "kind": "load", "params": {"events": 1}, "cron": "0 3 * * *"}
        return Schedule.objects.create(owner=owner, **known | values)


def delete_schedule(people: People) -> None:
    answer = people.root.client().delete(f"/api/schedules/{schedule().pk}")
    assert answer.status_code == 204


def switch_schedule(people: People) -> None:
    patch(f"/api/schedules/{schedule().pk}", {"enabled": False})(people)


def command_schedule(people: People) -> None:
    schedule()
    call_command("schedules", disable="nightly")


SOON = clock.rfc3339(clock.now() + timedelta(days=1))


def make_token(people: People) -> None:
    browser = people.alice.browser()
    browser.cookies["reprise_csrf"] = "a" * 32
    answer = post(
        browser,
        "/api/tokens",
        {"name": "ci", "expires_at": SOON, "scopes": ["read"]},
        **{"X-CSRFToken": "a" * 32},
    )
    assert answer.status_code == 201, answer.content


def revoke_token(people: People) -> None:
    found = ApiToken.objects.get(user=people.alice.user)
    assert people.alice.client().delete(f"/api/tokens/{found.pk}").status_code == 200


def import_targets(people: People) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("- {name: gs-7, transport: local, labels: {role: db}}\n")
        file.flush()
        call_command("targets", "import", file.name, stdout=StringIO())


def make_superuser(people: People) -> None:
    call_command("createsuperuser", interactive=False, username="boss", email="b@example.org")


def change_password(people: People) -> None:
    with system_log.unrecorded():
        people.bob.user.set_password("old password of bob")
        people.bob.user.save()
    browser = people.bob.browser()
    browser.cookies["reprise_csrf"] = "a" * 32
    new = "correct horse battery"
    form = {"old_password": "old password of bob", "new_password1": new, "new_password2": new}
    answer = browser.post("/password", form, headers={"X-CSRFToken": "a" * 32})
    assert answer.status_code == 302, answer.content.decode()


def operator(people: People) -> Group:
    return Group.objects.get(name="operator")


ROOT, SYSTEM = "user:root", current_actor()
GRANTED = {"object": "user", "name": "vera", "what": "role", "value": "operator"}
IN_BLUE = {"object": "user", "name": "vera", "what": "team", "value": "Blue"}
OFF = {"before": {"enabled": True}, "after": {"enabled": False}, "hidden": []}
NIGHTLY = {"object": "schedule", "name": "nightly"}

CHANGES: dict[str, tuple[Way, str, str, dict[str, Any]]] = {
    "role by the shell": (
        lambda people: people.vera.user.groups.add(operator(people)), "granted", SYSTEM, GRANTED,
    ),
    "role by its other end": (
        lambda people: operator(people).user_set.add(people.vera.user), "granted", SYSTEM, GRANTED,
    ),
    "role taken away": (
        lambda people: people.alice.user.groups.clear(), "withdrawn", SYSTEM,
        GRANTED | {"name": "alice"},
    ),
    "role that somebody does not have": (
        lambda people: people.alice.user.groups.remove(operator(people)), "withdrawn", SYSTEM,
        GRANTED | {"name": "alice"},
    ),
    "role by the admin": (
        admin(
            "/admin/auth/user/{people.vera.user.pk}/change/", username="vera", is_active="on",
            date_joined_0="2026-01-01", date_joined_1="00:00:00",
            groups=lambda people: [
                operator(people).pk, *people.vera.user.groups.values_list("pk", flat=True)
            ],
        ),
        "granted", ROOT, GRANTED,
    ),
    "permission of a role": (
        lambda people: operator(people).permissions.remove(
            operator(people).permissions.get(codename="steer_job")
        ),
        "withdrawn", SYSTEM,
        {"object": "role", "name": "operator", "what": "permission", "value": "jobs.steer_job"},
    ),
    "team by the shell": (
        lambda people: people.blue.members.add(people.vera.user), "granted", SYSTEM, IN_BLUE,
    ),
    "team by the admin": (
        admin(
            "/admin/jobs/team/{people.blue.pk}/change/", name="Blue", slug="blue",
            members=lambda people: [people.carol.user.pk, people.vera.user.pk],
        ),
        "granted", ROOT, IN_BLUE,
    ),
    "team made": (
        admin("/admin/jobs/team/add/", name="Green", slug="green"), "added", ROOT,
        {"object": "team", "name": "Green", "after": {"name": "Green", "slug": "green"}},
    ),
    "user made by a command": (
        make_superuser, "added", SYSTEM,
        {"object": "user", "name": "boss", "after": {
            "username": "boss", "is_active": True, "is_staff": True, "is_superuser": True}},
    ),
    "password changed": (
        change_password, "changed", "user:bob",
        {"object": "user", "name": "bob", "before": {}, "after": {}, "hidden": ["password"]},
    ),
    "user disabled": (
        lambda people: _disable(people.bob.user), "changed", SYSTEM,
        {"object": "user", "name": "bob", "before": {"is_active": True},
         "after": {"is_active": False}, "hidden": []},
    ),
    "user deleted": (
        lambda people: people.nobody.user.delete(), "removed", SYSTEM,
        {"object": "user", "name": "nobody", "before": {
            "username": "nobody", "is_active": True, "is_staff": False, "is_superuser": False}},
    ),
    "token made": (
        make_token, "added", "user:alice",
        {"object": "token", "name": "alice/ci",
         "after": {"name": "ci", "expires_at": SOON, "revoked_at": None, "scopes": "read",
                   "kind": "", "team": None}},
    ),
    "token revoked": (
        revoke_token, "changed", "token:alice/test",
        {"object": "token", "name": "alice/test", "hidden": []},
    ),
    "schedule off by the API": (switch_schedule, "changed", "token:root/test", NIGHTLY | OFF),
    "schedule off by a command": (command_schedule, "changed", SYSTEM, NIGHTLY | OFF),
    "schedule deleted by the API": (
        delete_schedule, "removed", "token:root/test",
        NIGHTLY | {"before": {
            "name": "nightly", "kind": "load", "title": "", "cron": "0 3 * * *", "timezone": "UTC",
            "enabled": True, "owner": "root", "on_missed": "skip", "overlap": "skip"}},
    ),
    "target by a command": (
        import_targets, "added", SYSTEM,
        {"object": "target", "name": "gs-7", "after": {
            "name": "gs-7", "group": "", "labels": {"role": "db"}, "transport": "local",
            "address": ""}},
    ),
    "target made": (
        admin(
            "/admin/jobs/target/add/", name="gs-1", transport="local", labels='{"role": "web"}',
            variables='{"password": "hush"}',
        ),
        "added", ROOT,
        {"object": "target", "name": "gs-1", "after": {
            "name": "gs-1", "group": "", "labels": {"role": "web"}, "transport": "local",
            "address": ""}},
    ),
}  # fmt: skip


def _disable(user: User) -> None:
    user.is_active = False
    user.save()


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_told_with_who_made_it(name: str, people: People) -> None:
    way, type_, actor, data = CHANGES[name]
    way(people)
    [(found_type, found_actor, found)] = [told(event) for event in system_events()][-1:]
    assert (found_type, found_actor) == (type_, actor)
    assert found | data == found


@pytest.mark.parametrize("name", ["role by the shell", "user disabled", "team by the shell"])
def test_a_change_that_is_rolled_back_was_never_told(name: str, people: People) -> None:
    with transaction.atomic():
        CHANGES[name][0](people)
        assert system_events()
        transaction.set_rollback(True)
    assert system_events() == []


def _no_actor() -> str:
    raise LookupError


def test_what_cannot_be_told_does_not_happen(people: People) -> None:
    people.bob.user.is_active = False
    with acting_as(_no_actor), pytest.raises(LookupError):
        people.bob.user.save()
    assert User.objects.get(username="bob").is_active


def test_a_save_that_changes_nothing_of_interest_is_not_told(people: People) -> None:
    people.bob.user.save()
    update_last_login(User, people.bob.user)
    tokens.verify_token(people.bob.raw)
    schedules.plan_next(made := schedule(), clock.now())
    made.save(update_fields=["next_run"])
    assert system_events() == []


def test_no_secret_is_ever_told(people: People) -> None:
    people.bob.user.set_password("correct horse battery")
    people.bob.user.save()
    token, raw = tokens.make_token(
        people.bob.user, "ci", expires_at=clock.now() + timedelta(days=1)
    )
    tokens.revoke_tokens(ApiToken.objects.filter(pk=token.pk))
    target = Target.objects.create(name="gs-1", variables={"password": "hush"})
    target.variables = {"password": "louder"}
    target.save()
    changed = schedule()
    changed.params = {"events": 4711}
    changed.save()
    assert [told(event)[2].get("hidden") for event in system_events()] == [
        ["password"], None, [], None, ["variables"], ["params"],
    ]  # fmt: skip
    said = all_text()
    stored = (people.bob.user.password, token.hash, token.prefix, raw, "hush", "louder", "4711")
    assert [secret for secret in stored if secret in said] == []


def test_many_changes_go_together(people: People) -> None:
    with connection.execute_wrapper(_count := _Statements()), system_log.record_together():
        for number in range(50):
            Team.objects.create(name=f"T{number}", slug=f"t{number}")
    assert len(system_events()) == 50
    assert _count.appends == 1


class _Statements:
    """Counts the statements that insert events."""

    def __init__(self) -> None:
        self.appends = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.appends += "insert into jobs_event" in sql and b"system.added" in str(params).encode()
        return execute(sql, params, many, context)
