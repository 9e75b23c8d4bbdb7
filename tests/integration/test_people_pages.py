"""The pages of people: who manages whom, what is told, and what nobody gains by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group, User

from core.errors import Forbidden
from jobs.access import sessions
from jobs.access.scopes import FULL, READ
from jobs.commands import people as commands
from jobs.models import ApiToken, Team
from tests.support.pages import Pages
from tests.support.people import People, Person, make_person
from tests.support.system_log import all_text, system_events

pytestmark = pytest.mark.usefixtures("database", "redis")

SECRET = "a long and unguessed secret"
SIMILAR = "gwendolyn-of-wales1"
FORM = {"username": "gwen", "is_active": "on", "password1": SECRET, "password2": SECRET}


@pytest.fixture
def boss(people: People) -> Person:
    """Staff who are manager: no superuser."""
    made = make_person("boss", "manager")
    User.objects.filter(pk=made.user.pk).update(is_staff=True)
    return replace(made, user=User.objects.get(pk=made.user.pk))


@pytest.fixture
def pages(boss: Person) -> Pages:
    return Pages(boss)


def role(name: str) -> int:
    return Group.objects.get(name=name).pk


def test_people_are_for_staff_who_are_managers(people: People, boss: Person) -> None:
    manager = make_person("mia", "manager")  # a manager without staff manages nobody
    number = people.alice.user.pk
    token = ApiToken.objects.get(user=people.alice.user).pk
    paths = ["/people", "/people/new", f"/people/{number}"]
    acts = [f"/people/{number}/{act}" for act in ("edit", "password", "second-factor")]
    posts = ["sessions/end", "sessions/x/end", f"tokens/{token}/revoke"]
    for person in (people.alice, people.vera, people.audrey, people.root, people.nobody, manager):
        seen = Pages(person)
        for path in (*paths, *acts):
            assert (path, seen.read(path).status) == (path, 403)
        for path in ("/people/new", *acts, *(f"/people/{number}/{one}" for one in posts)):
            assert (path, seen.send(path, **FORM).status) == (path, 403)
        assert "/people" not in seen.read("/").text
    assert {Pages(boss).read(path).status for path in (*paths, *acts)} == {200}
    assert not User.objects.filter(username="gwen").exists()
    assert ApiToken.objects.get(pk=token).revoked_at is None
    limited = replace(boss.principal, scope=replace(FULL, acts=frozenset({READ})))
    with pytest.raises(Forbidden):
        commands.find_person(limited, number)


def test_somebody_is_added_with_a_role_and_a_team(people: People, pages: Pages) -> None:
    form = {**FORM, "groups": [role("operator")], "teams": [people.red.pk], "is_superuser": "on"}
    assert pages.send("/people/new", **form).to == "/people"
    gwen = User.objects.get(username="gwen")
    assert gwen.check_password(SECRET)
    assert (gwen.is_staff, gwen.is_superuser) == (False, False)
    assert [one.name for one in gwen.groups.all()] == ["operator"]
    assert list(gwen.reprise_teams.all()) == [people.red]
    told = [
        (event.type.removeprefix("system."), event.actor, event.data.get("value", ""))
        for event in system_events()
        if event.data.get("name") == "gwen"
    ]
    assert told == [
        ("added", "user:boss", ""), ("granted", "user:boss", "operator"),
        ("granted", "user:boss", "Red"),
    ]  # fmt: skip
    assert SECRET not in all_text()
    page = pages.read(f"/people/{gwen.pk}").text
    assert "operator" in page
    assert SECRET not in page
    assert pages.rows("/people", role="operator", team="red", text="gw") == ["gwen"]


def test_somebody_without_a_password_has_none(pages: Pages) -> None:
    pages.send("/people/new", **{**FORM, "password1": "", "password2": ""})
    assert not User.objects.get(username="gwen").has_usable_password()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": ""}, "required"),
        ({"username": "alice"}, "already exists"),
        ({"username": "al\u3164ice"}, "not visible"),
        ({"username": "x" * 151}, "150"),
        ({"first_name": "A\u202elice"}, "not visible"),
        ({"email": "x"}, "email"),
        ({"password1": "short", "password2": "short"}, "12 characters"),
        ({"password2": "another long secret"}, "differ"),
        ({"password1": "", "password2": SECRET}, "differ"),
        ({"username": SIMILAR[:-1], "password1": SIMILAR, "password2": SIMILAR}, "similar"),
        ({"groups": ["999999"]}, "999999"),
        ({"teams": ["x"]}, "x"),
    ],
)
def test_what_makes_nobody_is_refused_at_its_field(
    pages: Pages, change: dict[str, object], said: str
) -> None:
    answer = pages.send("/people/new", **{**FORM, **change})
    assert answer.status == 200
    assert any(said in one for one in answer.errors), answer.errors
    assert SECRET not in answer.text
    assert not User.objects.filter(username="gwen").exists()


def test_managers_touch_no_superuser_and_lock_nobody_out_of_themselves(
    people: People, boss: Person, pages: Pages
) -> None:
    root = User.objects.create_superuser("zeus", password=SECRET)
    for act in ("edit", "password", "second-factor"):
        assert pages.read(f"/people/{root.pk}/{act}").status == 403
        assert pages.send(f"/people/{root.pk}/{act}", **FORM).status == 403
    assert pages.send(f"/people/{root.pk}/sessions/end").status == 403
    assert pages.read(f"/people/{root.pk}").status == 200
    own = f"/people/{boss.user.pk}/edit"
    answer = pages.send(own, username="boss", is_staff="on", groups=[role("manager")])
    assert any("lock yourself out" in one for one in answer.errors)
    assert User.objects.get(pk=boss.user.pk).is_active
    pretended = User.objects.get(pk=people.alice.user.pk)
    pretended.is_superuser = True
    with pytest.raises(Forbidden):
        commands.save_person(boss.principal, pretended, [], [])


def test_a_change_takes_away_at_once(people: People, pages: Pages) -> None:
    alice = Pages(people.alice)
    assert alice.read("/").status == 200
    path = f"/people/{people.alice.user.pk}"
    form = {"username": "alice", "is_active": "on", "teams": [people.blue.pk]}
    assert pages.send(f"{path}/edit", **form).to == path
    assert list(people.alice.user.groups.all()) == []
    assert list(Team.objects.filter(members=people.alice.user)) == [people.blue]
    assert alice.read("/targets").status == 403
    pages.send(f"{path}/edit", username="alice")
    assert alice.read("/").status == 302
    assert pages.rows("/people", state="disabled") == ["alice"]


def test_a_new_password_ends_the_sessions_and_is_told(people: People, pages: Pages) -> None:
    alice = Pages(people.alice)
    alice.read("/account")
    path = f"/people/{people.alice.user.pk}"
    answer = pages.send(f"{path}/password", new_password1="short", new_password2="short")
    assert any("12 characters" in one for one in answer.errors)
    assert alice.read("/").status == 200
    done = pages.send(f"{path}/password", new_password1=SECRET, new_password2=SECRET)
    assert "signed out everywhere" in pages.read(done.to).text
    assert User.objects.get(pk=people.alice.user.pk).check_password(SECRET)
    assert alice.read("/").status == 302
    assert SECRET not in all_text()


def test_a_lost_factor_is_removed(people: People, pages: Pages) -> None:
    TOTP.activate(people.alice.user, generate_totp_secret())
    path = f"/people/{people.alice.user.pk}"
    assert "Reset second factor" in pages.read(path).text
    assert "Make sure that it is they" in pages.read(f"{path}/second-factor").text
    assert Authenticator.objects.exists()
    done = pages.send(f"{path}/second-factor")
    assert "Removed 1 second factor of alice." in pages.read(done.to).text
    assert not Authenticator.objects.exists()
    removed = [event for event in system_events() if event.type == "system.removed"]
    assert [event.data["object"] for event in removed] == ["second factor"]


def test_a_manager_with_a_password_confirms_before_resetting(people: People, boss: Person) -> None:
    boss.user.set_password(SECRET)
    boss.user.save()
    pages, path = Pages(boss), f"/people/{people.alice.user.pk}"
    for act in ("password", "second-factor"):
        assert pages.read(f"{path}/{act}").to.startswith("/confirm?next=")
        sent = pages.send(f"{path}/{act}", new_password1=SECRET, new_password2=SECRET)
        assert sent.to == f"{path}/{act}"
    assert SECRET not in str(pages.client.session.items())
    assert not User.objects.get(pk=people.alice.user.pk).has_usable_password()
    assert pages.send("/confirm", password=SECRET).status == 302
    assert pages.read(f"{path}/password").status == 200


def test_sessions_and_tokens_are_ended(people: People, pages: Pages) -> None:
    first, second = Pages(people.alice), Pages(people.alice)
    for one in (first, second):
        one.read("/account")
    path = f"/people/{people.alice.user.pk}"
    found = sessions.sessions_of(people.alice.user)
    assert pages.send(f"{path}/sessions/{found[0].short_id}/end").to == path
    assert len(sessions.sessions_of(people.alice.user)) == 1
    pages.send(f"{path}/sessions/end")
    assert sessions.sessions_of(people.alice.user) == []
    assert {first.read("/").status, second.read("/").status} == {302}
    token = ApiToken.objects.get(user=people.alice.user)
    theirs = ApiToken.objects.get(user=people.bob.user)
    assert pages.send(f"{path}/tokens/{theirs.pk}/revoke").status == 404
    pages.send(f"{path}/tokens/{token.pk}/revoke")
    assert people.alice.client().get("/api/jobs").status_code == 401
    assert people.bob.client().get("/api/jobs").status_code == 200
