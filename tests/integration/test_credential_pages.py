"""The pages of credentials: written there, used by many, read by nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import override_settings

from core.secret_stores import CommandStore
from jobs.models import Credential, Target
from jobs.secrets.credentials import open_credential
from tests.support.credentials import make_credential
from tests.support.factories import make_job
from tests.support.pages import Pages
from tests.support.people import People, Person
from tests.support.system_log import all_text, system_events

pytestmark = pytest.mark.usefixtures("redis", "key_file")

VALUE, NEXT = "t0ken of the team", "an0ther of the team"
FORM = {"name": "web-token", "type": "token", "value": VALUE, "description": "Deploys"}


@pytest.fixture
def custodian(people: People) -> Person:
    people.alice.user.groups.add(Group.objects.get(name="custodian"))
    return people.alice


def test_who_sees_and_who_manages(people: People, custodian: Person) -> None:
    red = make_credential("red-token", VALUE, people.red)
    make_credential("blue-token", VALUE, people.blue)
    shared = make_credential("shared", VALUE, people.blue, [people.red])
    everything = ["blue-token", "red-token", "shared"]
    for person, names in (
        (custodian, ["red-token", "shared"]), (people.bob, ["red-token", "shared"]),
        (people.carol, ["blue-token", "shared"]), (people.root, everything),
    ):  # fmt: skip
        assert (person.user.username, Pages(person).rows("/credentials")) == (
            person.user.username, names,
        )  # fmt: skip
    for person in (people.vera, people.audrey, people.nobody):
        assert Pages(person).read("/credentials").status == 403
        assert Pages(person).read(f"/credentials/{red.pk}").status == 404
    paths = [f"/credentials/{red.pk}{act}" for act in ("", "/edit", "/rotate", "/remove")]
    assert [Pages(custodian).read(path).status for path in paths] == [200] * 4
    assert [Pages(people.bob).read(path).status for path in paths] == [200, 403, 403, 403]
    assert [Pages(people.carol).read(path).status for path in paths] == [404] * 4
    assert Pages(custodian).read(f"/credentials/{shared.pk}/rotate").status == 403
    for person, status in ((people.bob, 403), (people.carol, 404), (people.vera, 404)):
        for path in paths[1:]:
            assert Pages(person).send(path, value=NEXT).status == status
    assert open_credential(Credential.objects.get(pk=red.pk)).value == VALUE
    assert Pages(people.bob).read("/credentials/new").status == 403
    assert Pages(people.bob).send("/credentials/new", **FORM).status == 403


def test_a_custodian_makes_rotates_and_removes_one(people: People, custodian: Person) -> None:
    pages = Pages(custodian)
    assert pages.send("/credentials/new", **FORM, team=people.red.pk).to == "/credentials"
    made = Credential.objects.get()
    path = f"/credentials/{made.pk}"
    assert (made.team, open_credential(made).value) == (people.red, VALUE)
    assert pages.send(f"{path}/rotate", value=NEXT).to == path
    assert open_credential(Credential.objects.get()).value == NEXT
    pages.send(f"{path}/edit", description="Nightly", users=[people.red.pk])
    made.refresh_from_db()
    assert (made.description, [*made.users.all()]) == ("Nightly", [people.red])
    seen = [
        pages.read(one).text for one in (path, "/credentials", f"{path}/edit", f"{path}/rotate")
    ]
    assert pages.send(f"{path}/remove").to == "/credentials"
    assert not Credential.objects.exists()
    for text in (*seen, all_text()):
        assert VALUE not in text
        assert NEXT not in text
    told = [event.type for event in system_events() if event.data.get("object") == "credential"]
    assert told == [
        "system.added", "system.changed", "system.changed", "system.removed",
    ]  # fmt: skip


def test_a_custodian_has_neither_the_installation_nor_other_teams_nor_stores(
    people: People, custodian: Person, tmp_path: Path
) -> None:
    pages = Pages(custodian)
    store = CommandStore(engine="command", argv=("/bin/echo",))
    with override_settings(REPRISE=settings.REPRISE.with_changes(secret_stores={"vault": store})):
        for team in ("", people.blue.pk, "x"):
            answer = pages.send("/credentials/new", **FORM, team=team)
            assert (answer.status, len(answer.errors)) == (200, 1)
        assert 'name="store"' not in pages.read("/credentials/new").text
        form = {"name": "a", "type": "token", "team": people.red.pk, "store": "vault"}
        assert pages.send("/credentials/new", **form, reference="a#b").status == 200
        assert not Credential.objects.exists()
        root = Pages(people.root)
        assert root.send("/credentials/new", **{**form, "team": ""}, reference="a#b").status == 302
        made = Credential.objects.get()
        assert (made.team, made.store, made.reference) == (None, "vault", "a#b")
        both = root.send(
            f"/credentials/{made.pk}/rotate", value=VALUE, store="vault", reference="a#b"
        )
        assert both.errors == ["Give a value, or a store and a reference."]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "required"),
        ({"name": "a b"}, "letters, digits"),
        ({"name": "taken"}, "choose another name"),
        ({"type": "gold"}, "available choices"),
        ({"value": ""}, "At least 4"),
        ({"value": f"{VALUE}\n"}, "line break"),
        ({"value": "x" * 20_000}, "at most"),
        ({"value": "a\x00bcdef"}, "ull"),
        ({"description": "a\u202eb"}, "not visible"),
        ({"type": "ssh_key"}, "no private key"),
        ({"type": "ssh_key", "value": "ssh-ed25519 AAAA"}, "public key"),
    ],
)
def test_what_is_no_use_is_refused_and_not_shown_again(
    people: People, change: dict[str, str], said: str
) -> None:
    make_credential("taken", VALUE, people.red)
    answer = Pages(people.root).send("/credentials/new", **{**FORM, **change})
    assert answer.status == 200
    assert any(said in one for one in answer.errors), answer.errors
    assert VALUE not in answer.text
    assert Credential.objects.count() == 1


def test_who_used_it_and_where_it_is_named(people: People, custodian: Person) -> None:
    made = make_credential("web-ssh", VALUE, people.red)
    job = make_job(people.bob.user, team=people.red, title="Deploy the site")
    Credential.objects.update(last_used_by=job, last_used_at=job.submitted_at)
    Target.objects.create(name="web-1", transport="ssh", variables={"credential": "web-ssh"})
    Target.objects.create(name="web-2", transport="local", variables={"credential": "web-ssh"})
    text = Pages(custodian).read(f"/credentials/{made.pk}").text
    assert "Deploy the site" in text
    assert "web-1" in text
    assert "web-2" not in text
    assert "every use and change" not in text
    assert "Deploy the site" not in Pages(people.bob).read(f"/credentials/{made.pk}").text
    assert "every use and change" in Pages(people.root).read(f"/credentials/{made.pk}").text
