"""Credentials as they are kept: who sees and manages them, what is refused, no way back out."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from core.errors import InvalidParams
from core.secret_stores import CommandStore
from jobs.models import Credential
from jobs.secrets import keys
from jobs.secrets.credentials import checked_value, open_credential
from jobs.secrets.keys import SecretUnreadable
from tests.integration.secret_kinds import everything
from tests.support.credentials import make_credential
from tests.support.people import People, Person, post
from tests.support.sshd import keygen
from tests.support.system_log import all_text, system_events, told

pytestmark = pytest.mark.usefixtures("key_file")

VALUE = "t0ken of the team"
WISH = {"name": "web-token", "type": "token", "value": VALUE, "team": "red"}


@pytest.fixture
def custodian(people: People) -> Person:
    people.alice.user.groups.add(Group.objects.get(name="custodian"))
    return people.alice


def manage(*words: str, value: bytes | None = None, monkeypatch: Any = None) -> str:
    reported = StringIO()
    if value is not None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(value)))
    call_command("credential", *words, stdout=reported)
    return reported.getvalue()


def patch(client: Client, name: str, **wish: Any) -> Any:
    body = json.dumps(wish)
    return client.patch(f"/api/credentials/{name}", body, content_type="application/json")


def names(person: Person) -> dict[str, list[str]]:
    rows = person.client().get("/api/credentials").json()["credentials"]
    return {row["name"]: row["can"] for row in rows}


def value_of(name: str) -> str:
    return open_credential(Credential.objects.get(name=name)).value


def test_a_custodian_makes_replaces_and_removes_those_of_their_team(
    people: People, custodian: Person, database: str
) -> None:
    client = custodian.client()
    made = post(client, "/api/credentials", WISH | {"users": ["blue"], "description": "For us."})
    assert made.status_code == 201
    shown = made.json()
    assert (shown["team"], shown["users"], shown["can"]) == ("red", ["blue"], ["use", "manage"])
    assert value_of("web-token") == VALUE
    changed = patch(client, "web-token", value="another token", users=[])
    assert (changed.status_code, changed.json()["users"]) == (200, [])
    assert value_of("web-token") == "another token"
    answers = json.dumps([shown, changed.json(), client.get("/api/credentials").json()])
    assert client.delete("/api/credentials/web-token").status_code == 204
    assert not Credential.objects.exists()
    found = answers + everything(database) + all_text()
    assert [secret for secret in (VALUE, "another token") if secret in found] == []


def test_everybody_lists_what_their_jobs_may_use_and_no_more(people: People) -> None:
    make_credential("of-red", VALUE, people.red)
    make_credential("of-blue", VALUE, people.blue)
    make_credential("shared", VALUE, people.blue, [people.red])
    make_credential("of-staff", VALUE)
    assert names(people.alice) == {"of-red": ["use"], "shared": ["use"]}
    assert names(people.carol) == {"of-blue": ["use"], "shared": ["use"]}
    assert list(names(people.root)) == ["of-blue", "of-red", "of-staff", "shared"]
    for nobody in (people.vera, people.audrey, people.nobody):  # they submit nothing
        assert names(nobody) == {}
    kinds = people.alice.client().get("/api/kinds").json()["kinds"]
    assert "of-blue" not in json.dumps(kinds)


@pytest.mark.parametrize(
    ("who", "change", "status"),
    [
        ("alice", {"team": "blue"}, 403),
        ("alice", {"team": None}, 403),
        ("alice", {"value": None, "store": "vault", "reference": "web/db"}, 403),
        ("bob", {}, 403),
        ("vera", {}, 403),
        ("audrey", {}, 403),
        ("root", {"team": None}, 201),
    ],
)
def test_who_may_make_one(
    people: People, custodian: Person, who: str, change: dict[str, Any], status: int
) -> None:
    person: Person = getattr(people, who)
    assert post(person.client(), "/api/credentials", WISH | change).status_code == status
    assert Credential.objects.count() == (status == 201)


def test_nobody_touches_another_teams(people: People, custodian: Person) -> None:
    make_credential("of-blue", VALUE, people.blue)
    make_credential("shared", VALUE, people.blue, [people.red])
    for name, status in (("of-blue", 404), ("none", 404), ("shared", 403)):
        assert patch(custodian.client(), name, value="mine now").status_code == status
        assert custodian.client().delete(f"/api/credentials/{name}").status_code == status
    assert value_of("shared") == value_of("of-blue") == VALUE


def test_a_list_has_pages(people: People) -> None:
    for number in range(205):
        Credential.objects.create(name=f"c-{number:03}", type="token", team=people.red)
    client = people.alice.client()
    first = client.get("/api/credentials").json()
    assert (len(first["credentials"]), first["next"]) == (200, "c-199")
    second = client.get("/api/credentials", {"after": first["next"]}).json()
    assert (second["credentials"][0]["name"], second["next"]) == ("c-200", None)


def test_what_is_no_use_is_refused_in_words(tmp_path: Path) -> None:
    keygen(tmp_path / "key")
    locked = tmp_path / "locked"
    keygen(locked)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "phrase", "-f", locked], check=True)
    pem = tmp_path / "pem"
    command = ["ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "phrase", "-f", str(pem)]
    subprocess.run(command, check=True)
    key = (tmp_path / "key").read_text()
    public = (tmp_path / "key.pub").read_text()
    for type_, value, words in (
        ("ssh_key", public, "This is a public key"),
        ("ssh_key", f"\n {public}", "This is a public key"),
        ("ssh_key", key.replace("\n", "\r\n"), "The key has DOS line ends"),
        ("ssh_key", locked.read_text(), "The key has a passphrase"),
        ("ssh_key", pem.read_text(), "The key has a passphrase"),
        ("ssh_key", key[:200], "This is no private key that can be read here"),
        ("ssh_key", "", "This is no private key that can be read here"),
        ("ssh_key", f"{key}\0", "The value has a NUL in it"),
        ("password", "pass\0word", "The value has a NUL in it"),
        ("password", "pass\ufffdword", "The value has a NUL in it"),
        ("password", "pass\ud800word", "The value is not UTF-8"),
        ("password", "password\n", "ends with a line break"),
        ("password", "pass\nword", "A password is one line"),
        ("password", "abc", "At least 4 characters"),
        ("password", "x" * 16_385, "A value has at most 16,384"),
        ("token", " s3cret", "begins or ends with a blank"),
    ):
        with pytest.raises(ValueError, match=words) as raised:
            checked_value(type_, value)
        assert not value.strip() or value.strip() not in str(raised.value)
        assert raised.value.__cause__ is None
    assert checked_value("ssh_key", f"{key}\n\n") == key
    assert checked_value("password", " with blanks ") == " with blanks "


def test_a_refusal_says_nothing_of_the_value(people: People) -> None:
    client = people.root.client()
    answer = post(client, "/api/credentials", WISH | {"value": f"{VALUE}\n"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/value"
    assert VALUE not in answer.content.decode()
    answer = post(client, "/api/credentials", WISH | {"value": [VALUE], "unknown": VALUE})
    assert (answer.status_code, VALUE in answer.content.decode()) == (400, False)
    for wish, pointer in (
        ({"name": "a b"}, "/name"), ({"name": "a/b"}, "/name"), ({"name": ""}, "/name"),
        ({"team": "green"}, "/team"), ({"users": ["red", "green"]}, "/users/1"),
        ({"description": "a\u202eb"}, "/description"), ({"type": "key"}, "/type"),
        ({"value": None, "store": "vault", "reference": "x"}, "/store"),
        ({"store": "vault", "reference": "x"}, "/value"),
    ):  # fmt: skip
        answer = post(client, "/api/credentials", WISH | wish)
        assert (wish, answer.status_code) == (wish, 400 if "type" in wish else 422)
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert post(client, "/api/credentials", WISH).status_code == 201
    answer = post(client, "/api/credentials", WISH)
    assert answer.json()["errors"][0]["pointer"] == "/name"


def test_a_reference_that_could_be_an_option_is_refused(people: People) -> None:
    store = CommandStore(engine="command", argv=("/bin/true",))
    with override_settings(REPRISE=settings.REPRISE.with_changes(secret_stores={"pass": store})):
        wish = WISH | {"value": None, "store": "pass"}
        for reference in ("--help", "", "a\nb", "$(id)", "../x", "a/../b"):
            answer = post(people.root.client(), "/api/credentials", wish | {"reference": reference})
            assert answer.json()["errors"][0]["pointer"] == "/reference"
        made = post(people.root.client(), "/api/credentials", wish | {"reference": "web/db#key"})
        assert made.json()["reference"] == "web/db#key"
    shown = people.alice.client().get("/api/credentials").json()["credentials"][0]
    assert (shown["store"], shown["reference"]) == ("pass", "")


def test_a_ciphertext_holds_for_its_credential_only(people: People) -> None:
    first, second = make_credential("one", VALUE), make_credential("two", "another one")
    Credential.objects.filter(pk=second.pk).update(ciphertext=bytes(first.ciphertext))
    with pytest.raises(SecretUnreadable, match="The credential two cannot be read: it was changed"):
        value_of("two")


def test_keys_are_rotated_under_credentials_too(people: People) -> None:
    make_credential("web", VALUE, people.red)
    make_credential("outside", team=people.red, store="vault", reference="web")
    [old] = keys.key_ring()
    new = keys.add_key()
    reported = StringIO()
    call_command("secrets", "rotate", stdout=reported)
    assert reported.getvalue() == f"1 encrypted anew; all are under {new.id}.\n"
    assert Credential.objects.get(name="web").key_id == new.id != old.id
    assert value_of("web") == VALUE
    reported = StringIO()
    call_command("secrets", "keys", stdout=reported)
    assert f"{new.id}           1 secrets  newest" in reported.getvalue()


def test_the_command_reads_values_from_standard_input(
    people: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = manage(
        "add", "db", "--type", "password", "--team", "red", "--user", "blue",
        value=b"from a file\n", monkeypatch=monkeypatch,
    )  # fmt: skip
    assert (said, value_of("db")) == ("db added.\n", "from a file")
    keygen(tmp_path / "key")
    key = (tmp_path / "key").read_bytes()
    manage("add", "ssh", "--type", "ssh_key", value=key, monkeypatch=monkeypatch)
    assert value_of("ssh").encode() == key
    assert manage("list") == "db\tpassword\tred, blue\nssh\tssh_key\tstaff\n"
    assert json.loads(manage("list", "--json"))[0]["users"] == ["blue"]
    manage("rotate", "db", value=b"a newer one", monkeypatch=monkeypatch)
    assert value_of("db") == "a newer one"
    with pytest.raises(CommandError, match="A password is one line"):
        manage("rotate", "db", value=b"two\nlines", monkeypatch=monkeypatch)
    with pytest.raises(CommandError, match="There is a credential db already"):
        manage("add", "db", "--type", "token", value=b"value", monkeypatch=monkeypatch)
    with pytest.raises(CommandError, match="A name has 1 to 100 letters"):
        manage("add", "d b", "--type", "token", value=b"value", monkeypatch=monkeypatch)
    assert manage("remove", "db") == "Removed.\n"
    with pytest.raises(CommandError, match="There is no credential db"):
        manage("remove", "db")


def test_the_admin_writes_values_and_shows_none(people: People, tmp_path: Path) -> None:
    browser = Client(headers={"Host": "localhost"})
    browser.force_login(people.root.user)
    keygen(tmp_path / "key")
    key = (tmp_path / "key").read_text()
    form = {"name": "ssh", "type": "ssh_key", "team": people.red.pk, "value": ""}
    address = "/admin/jobs/credential/add/"
    refused = browser.post(address, form | {"value": key[:100]})
    assert "This is no private key" in refused.content.decode()
    assert key[40:90] not in refused.content.decode()
    assert "This is no private key" in browser.post(address, form).content.decode()
    assert browser.post(address, form | {"value": key.replace("\n", "\r\n")}).status_code == 302
    assert value_of("ssh") == key
    one = Credential.objects.get()
    address = f"/admin/jobs/credential/{one.pk}/change/"
    page = browser.get(address).content.decode()
    assert [line for line in key.splitlines()[1:-1] if line in page] == []
    change = {"name": "ssh-2", "team": people.red.pk, "users": [people.blue.pk], "value": ""}
    assert browser.post(address, change).status_code == 302
    assert value_of("ssh-2") == key
    history = browser.get(f"/admin/jobs/credential/{one.pk}/history/").content.decode()
    assert [line for line in key.splitlines()[1:-1] if line in history] == []


def test_every_change_is_in_the_systems_log_without_values(people: People) -> None:
    client = people.root.client()
    post(client, "/api/credentials", WISH | {"users": ["blue"]})
    patch(client, "web-token", value="another token", users=[])
    client.delete("/api/credentials/web-token")
    found = [told(event) for event in system_events() if event.type != "system.configured"]
    assert [(one[0], one[2]["object"], one[2]["name"]) for one in found] == [
        ("added", "credential", "web-token"),
        ("granted", "team", "Blue"),
        ("changed", "credential", "web-token"),
        ("withdrawn", "team", "Blue"),
        ("removed", "credential", "web-token"),
    ]
    assert {actor for _, actor, _ in found} == {"token:root/test"}
    assert found[2][2]["hidden"] == ["ciphertext"]
    assert (found[1][2]["what"], found[1][2]["value"]) == ("credential", "web-token")
    assert VALUE not in all_text()


def test_refused_values_are_invalid_params() -> None:
    with pytest.raises(InvalidParams) as refused:
        make_credential("x", "abc")
    assert refused.value.errors[0]["pointer"] == "/value"
