"""Rights are given and taken by the admin and the command; the system's own log tells of it."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from core.errors import BadRequest, NotFound
from frontend.words import words
from jobs.access import grants
from jobs.models import Right, Target, Team
from tests.support.people import People, make_person
from tests.support.rights_world import granted
from tests.support.system_log import system_events, told

pytestmark = pytest.mark.usefixtures("database")

GIVEN = {"object": "team", "name": "Red", "what": "right", "value": "run command on group:eu"}


def admin(people: People) -> Client:
    browser = Client(headers={"Host": "localhost"})
    browser.force_login(people.root.user)
    return browser


def run(*words: str) -> tuple[str, str]:
    out, trouble = StringIO(), StringIO()
    call_command("rights", *words, stdout=out, stderr=trouble)
    return out.getvalue(), trouble.getvalue()


def test_the_admin_gives_and_takes_and_does_not_change(people: People) -> None:
    client, page = admin(people), "/admin/jobs/right"
    form = {"team": people.red.pk, "act": "run", "kind": "command", "targets": "group:eu"}
    assert client.post(f"{page}/add/", form).status_code == 302
    right = Right.objects.get()
    assert client.post(f"{page}/add/", form).status_code == 200  # it is there already
    assert client.post(f"{page}/{right.pk}/change/", form).status_code == 403
    assert client.post(f"{page}/{right.pk}/delete/", {"post": "yes"}).status_code == 302
    [given, taken] = system_events()[-2:]
    assert told(given) == ("granted", "user:root", GIVEN)
    assert told(taken) == ("withdrawn", "user:root", GIVEN)
    assert words(given) == "Gave team Red the right to run command on group:eu"
    assert words(taken) == "Took the right to run command on group:eu from team Red"


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "comand"), ("targets", "group:"), ("targets", "eu\u202e"), ("act", "sing")],
)
def test_a_right_of_no_use_is_refused(people: People, field: str, value: str) -> None:
    wish = {"act": "run", "kind": "command", "targets": "group:eu", field: value}
    form = {"team": people.red.pk, **wish}
    assert admin(people).post("/admin/jobs/right/add/", form).status_code == 200
    with pytest.raises(BadRequest):
        grants.grant_right(people.red, **wish)
    assert not Right.objects.exists()


def test_only_staff_give_rights(people: People) -> None:
    for person in (people.alice, people.audrey, people.nobody):
        assert person.browser().get("/admin/jobs/right/").status_code == 302


def test_the_log_tells_of_every_way(people: People) -> None:
    run("grant", "red", "run", "command", "group:eu")
    right = Right.objects.get()
    right.targets = "group:us"
    right.save()
    people.red.delete()
    told_of = [told(event)[::2] for event in system_events()]
    moved = GIVEN | {"value": "run command on group:us"}
    assert [one for one in told_of if one[1].get("what") == "right"] == [
        ("granted", GIVEN), ("withdrawn", GIVEN), ("granted", moved), ("withdrawn", moved),
    ]  # fmt: skip


def test_a_right_that_is_rolled_back_was_never_told(people: People) -> None:
    with transaction.atomic():
        grants.grant_right(people.red, "run", "*", "*")
        assert system_events()
        transaction.set_rollback(True)
    assert system_events() == []


def test_the_command_lists_gives_and_takes(people: People) -> None:
    Target.objects.bulk_create(Target(name=f"eu-{number}", group="eu") for number in range(3))
    out, trouble = run("grant", "red", "run", "command", "group:eu")
    assert out == "Red: run command on group:eu: 3 targets now.\n"
    assert "REPRISE_RIGHTS is open" in trouble
    with granted():
        assert run("grant", "Red", "run", "command", "group:eu") == (
            "Red: run command on group:eu: 3 targets now. It had it before.\n", "",
        )  # fmt: skip
        run("grant", "blue", "see", "*", "eu-1")
        assert run("list")[0].splitlines() == [
            "blue\tsee every kind on eu-1\t1 target now",
            "red\trun command on group:eu\t3 targets now",
        ]
        [listed] = json.loads(run("list", "--team", "blue", "--json")[0])
        assert listed == {"team": "blue", "act": "see", "kind": "*", "targets": "eu-1"}
        run("revoke", "red", "run", "command", "group:eu")
        assert [right.team for right in Right.objects.all()] == [people.blue]
        with pytest.raises(NotFound):
            grants.revoke_right(people.red, "run", "command", "group:eu")
    Right.objects.create(team=people.red, act="run", kind="gone", targets="*")
    assert "but there is no such kind here" in run("list")[0]


@pytest.mark.parametrize(
    "asked",
    [
        ("grant", "green", "run", "command", "*"),
        ("grant", "red", "run", "comand", "*"),
        ("revoke", "red", "run", "command", "*"),
        ("check", "nobody-here", "command", "eu-1"),
        ("check", "alice", "comand", "eu-1"),
    ],
)
def test_the_command_says_what_there_is_not(people: People, asked: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*asked)


def checked(*asked: str) -> dict[str, str]:
    lines = run("check", *asked)[0].splitlines()
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}


def test_the_command_explains(people: People) -> None:
    Target.objects.create(name="eu-1", group="eu", labels={"role": "web"})
    dora = make_person("dora", "commander", people.red)
    assert checked("dora", "command", "eu-1")["run"] == (
        "yes  REPRISE_RIGHTS is open, so roles alone decide"
    )
    with granted():
        assert checked("dora", "command", "eu-1")["run"] == (
            "no   none of their teams (Red) has a right to run command on any of:"
            " eu-1, group:eu, label:role=web, *"
        )
        grants.grant_right(people.red, "run", "command", "label:role")
        people.blue.members.add(dora.user)
        grants.grant_right(people.blue, "see", "*", "eu-1")
        assert checked("dora", "command", "eu-1") == {
            "see": "yes  Blue: see every kind on eu-1; Red: run command on label:role",
            "run": "yes  Red: run command on label:role",
            "approve": "no   none of their teams (Blue, Red) has a right to approve command on any"
            " of: eu-1, group:eu, label:role=web, *",
        }
        assert checked("alice", "command", "eu-1")["run"] == (
            "no   no role of alice lets them submit jobs of the kind command"
        )
        assert checked("root", "command", "eu-1")["approve"] == "yes  staff may do everything"
        assert checked("nobody", "command", "eu-1")["see"].startswith("no   no role of nobody")
        grants.revoke_right(people.blue, "see", "*", "eu-1")
        Team.objects.all().delete()
        assert "are in no team" in checked("dora", "command", "eu-1")["see"]


def test_kinds_and_titles_of_a_right_read_well(people: People) -> None:
    right: Any = Right(team=people.red, act="approve", kind="*", targets="*")
    assert str(right) == "Red: approve every kind on every target"
