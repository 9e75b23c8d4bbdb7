"""The pages of teams and rights: for staff, each change told."""

from __future__ import annotations

import pytest

from jobs.models import Credential, Right, Team
from tests.support.factories import make_job
from tests.support.pages import Pages
from tests.support.people import People
from tests.support.system_log import system_events

pytestmark = pytest.mark.usefixtures("database", "redis")


@pytest.fixture
def root(people: People) -> Pages:
    return Pages(people.root)


def test_teams_are_for_staff(people: People) -> None:
    number = people.red.pk
    right = Right.objects.create(team=people.red, act="run")
    pages = [f"/teams/{number}{act}" for act in ("", "/edit", "/delete")]
    posts = [
        "members/add", f"members/{people.alice.user.pk}/remove", "rights/give",
        f"rights/{right.pk}/take",
    ]  # fmt: skip
    form = {"name": "X", "slug": "x", "username": "vera", "act": "run", "kind": "*", "targets": "*"}
    for person in (people.alice, people.vera, people.audrey, people.nobody):
        seen = Pages(person)
        for path in ("/teams", "/teams/new", *pages):
            assert (path, seen.read(path).status) == (path, 403)
        for path in ("/teams/new", *pages[1:], *(f"/teams/{number}/{one}" for one in posts)):
            assert (path, seen.send(path, **form).status) == (path, 403)
    assert Team.objects.count() == 2
    assert Right.objects.count() == 1
    assert people.red.members.count() == 3


def test_a_team_is_made_filled_and_deleted(people: People, root: Pages) -> None:
    assert root.send("/teams/new", name="Green", slug="green").to == "/teams"
    team = Team.objects.get(slug="green")
    path = f"/teams/{team.pk}"
    root.send(f"{path}/members/add", username="carol")
    assert list(team.members.all()) == [people.carol.user]
    assert "carol is in the team." in root.read(path).text
    root.send(f"{path}/members/{people.carol.user.pk}/remove")
    assert not team.members.exists()
    root.send(f"{path}/rights/give", act="run", kind="*", targets="group:eu")
    assert "run every kind on group:eu" in root.read(path).text
    root.send(f"{path}/rights/{team.rights.get().pk}/take")
    assert not team.rights.exists()
    root.send(f"{path}/edit", name="Lime", slug="lime")
    assert root.rows("/teams") == ["Blue", "Lime", "Red"]
    assert root.send(f"{path}/delete").to == "/teams"
    assert not Team.objects.filter(pk=team.pk).exists()
    told = [
        (event.type.removeprefix("system."), event.data.get("what", ""))
        for event in system_events()
        if event.actor == "user:root"
    ]
    assert told == [
        ("added", ""), ("granted", "team"), ("withdrawn", "team"), ("granted", "right"),
        ("withdrawn", "right"), ("changed", ""), ("removed", ""),
    ]  # fmt: skip


def test_a_team_that_has_something_stays(people: People, root: Pages) -> None:
    make_job(people.alice.user, team=people.red)
    Credential.objects.create(name="key", team=people.blue, type="token")
    for team in (people.red, people.blue):
        answer = root.send(f"/teams/{team.pk}/delete")
        assert answer.to == f"/teams/{team.pk}"
        assert "has jobs or credentials" in root.read(answer.to).text
    assert Team.objects.count() == 2


@pytest.mark.parametrize("name", ["", "x" * 5000, "\x00", "nobody-at-all"])
def test_nobody_of_that_name_is_no_fault(people: People, root: Pages, name: str) -> None:
    path = f"/teams/{people.red.pk}"
    answer = root.send(f"{path}/members/add", username=name)
    assert answer.to == path
    assert "There is nobody called" in root.read(path).text


@pytest.mark.parametrize(
    "form",
    [
        {"act": "fly"}, {"kind": "gone"}, {"targets": ""}, {"targets": "group:"},
        {"targets": "x" * 301}, {"targets": "a\u200bb"}, {"act": ""},
    ],
)  # fmt: skip
def test_a_right_of_no_use_is_refused(people: People, root: Pages, form: dict[str, str]) -> None:
    path = f"/teams/{people.red.pk}"
    wish = {"act": "run", "kind": "*", "targets": "*", **form}
    assert root.send(f"{path}/rights/give", **wish).to == path
    assert 'class="notice is-bad"' in root.read(path).text
    assert not Right.objects.exists()


@pytest.mark.parametrize(
    "form",
    [{"name": ""}, {"slug": ""}, {"slug": "a b"}, {"name": "Red"}, {"slug": "red"},
     {"name": "Re\u200bd"}, {"name": "x" * 101}],
)  # fmt: skip
def test_a_name_of_no_use_is_refused(root: Pages, form: dict[str, str]) -> None:
    answer = root.send("/teams/new", **{"name": "Green", "slug": "green", **form})
    assert (answer.status, len(answer.errors) > 0) == (200, True)
    assert Team.objects.count() == 2
