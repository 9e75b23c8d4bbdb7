"""/api/subscriptions: one's own and one's teams', never with an address, recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from jobs.access import tokens
from jobs.models import Notice, Subscription
from jobs.secrets.vault import open_secret
from tests.support.notices import deliver, ended_job, hear, subscribe
from tests.support.people import People, Person, django_client, post
from tests.support.receivers import Mailbox
from tests.support.system_log import all_text, system_events, told

pytestmark = pytest.mark.usefixtures("database", "redis")

CALLS = "/api/subscriptions"
MINE: dict[str, Any] = {"name": "mine", "events": ["failed"]}
SECRET = "json://user:hush@example.org/x"


@pytest.fixture
def mailbox(people: People) -> Iterator[Mailbox]:
    box = Mailbox()
    for person in (people.alice, people.bob, people.carol, people.nobody):
        person.user.email = f"{person.user.get_username()}@example.org"
        person.user.save()
    hear()
    with box.set_up(), box.open():
        yield box


def patch(client: Client, id_: str, body: object) -> Any:
    return client.patch(f"{CALLS}/{id_}", json.dumps(body), content_type="application/json")


def listed(person: Person) -> list[str]:
    rows = person.client().get(CALLS).json()["subscriptions"]
    return [row["name"] for row in rows]


def test_a_subscription_is_made_changed_and_removed(people: People, mailbox: Mailbox) -> None:
    client = people.alice.client()
    body = {**MINE, "kind": "load", "quiet_from": "22:00", "quiet_until": "07:00"}
    made = post(client, CALLS, {**body, "events": ["done", "failed"], "timezone": "Europe/Berlin"})
    assert made.status_code == 201, made.content
    one = made.json()
    assert one["events"] == ["failed", "done"]
    assert (one["channel"], one["team"], one["waiting"]) == ("mail", None, 0)
    assert (one["quiet_from"], one["quiet_until"]) == ("22:00", "07:00")
    changed = patch(client, one["id"], {"name": "new", "quiet_from": None, "quiet_until": None})
    assert changed.status_code == 200, changed.content
    assert changed.json() == {**one, "name": "new", "quiet_from": None, "quiet_until": None}
    assert listed(people.alice) == ["new"]
    assert listed(people.bob) == []
    assert client.delete(f"{CALLS}/{one['id']}").status_code == 204
    assert listed(people.alice) == []


def test_an_address_goes_in_and_never_out(people: People, mailbox: Mailbox) -> None:
    client = people.alice.client()
    made = post(client, CALLS, {**MINE, "address": SECRET})
    assert made.status_code == 201, made.content
    assert made.json()["channel"] == "json"
    one = Subscription.objects.get()
    assert open_secret(one) == SECRET
    patch(client, str(one.pk), {"enabled": False})
    one.refresh_from_db()
    assert (open_secret(one), one.enabled) == (SECRET, False)
    patch(client, str(one.pk), {"address": ""})
    answer = client.get(CALLS)
    assert answer.json()["subscriptions"][0]["channel"] == "mail"
    client.delete(f"{CALLS}/{one.pk}")
    assert "hush" not in str(answer.json()) + made.content.decode() + all_text()


def test_a_teams_subscriptions_are_its_members(people: People, mailbox: Mailbox) -> None:
    made = post(people.alice.client(), CALLS, {**MINE, "name": "red", "team": "red"})
    assert (made.status_code, made.json()["team"]) == (201, "red")
    assert (listed(people.bob), listed(people.carol)) == (["red"], [])
    id_ = made.json()["id"]
    assert patch(people.carol.client(), id_, {"enabled": False}).status_code == 404
    assert patch(people.bob.client(), id_, {"enabled": False}).status_code == 200
    refused = post(people.alice.client(), CALLS, {**MINE, "team": "blue"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    people.red.members.remove(people.bob.user)
    assert people.bob.client().delete(f"{CALLS}/{id_}").status_code == 404
    assert people.alice.client().delete(f"{CALLS}/{id_}").status_code == 204


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"events": []}, "/events"),
        ({"events": ["failed", "eaten"]}, "/events"),
        ({"target": "gs\u200b1"}, "/target"),
        ({"team": "green"}, "/team"),
        ({"team": "red", "own": True}, "/own"),
        ({"timezone": "Mars/Base"}, "/timezone"),
        ({"quiet_from": "22:00"}, "/quiet_until"),
        ({"quiet_from": "24:00"}, "/quiet_from"),
        ({"digest_minutes": 1441}, "/digest_minutes"),
        ({"address": "nonsense"}, "/address"),
        ({"address": "syslog://"}, "/address"),
    ],
)
def test_what_is_of_no_use_is_refused(
    people: People, mailbox: Mailbox, change: dict[str, Any], pointer: str
) -> None:
    answer = post(people.alice.client(), CALLS, {**MINE, **change})
    assert answer.status_code in {400, 422}, answer.content
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert Subscription.objects.count() == 0


def test_nobody_subscribes_without_what_it_takes(people: People, mailbox: Mailbox) -> None:
    assert post(people.nobody.client(), CALLS, MINE).status_code == 403  # sees no jobs
    without = post(people.vera.client(), CALLS, MINE)
    assert "no address of mail" in without.json()["errors"][0]["detail"]
    _token, limited = tokens.make_token(people.alice.user, "limited", kind="load")
    client = django_client(Authorization=f"Bearer {limited}")
    assert post(client, CALLS, MINE).status_code == 403
    for number in range(20):
        subscribe(people.alice.user, "failed", name=str(number))
    full = post(people.alice.client(), CALLS, MINE)
    assert "20 subscriptions" in full.json()["errors"][0]["detail"]


def test_without_a_mail_server_there_is_no_mail(people: People) -> None:
    people.alice.user.email = "alice@example.org"
    people.alice.user.save()
    answer = post(people.alice.client(), CALLS, MINE)
    assert "sends no mail" in answer.json()["errors"][0]["detail"]


def test_a_test_comes_as_all_notices_do(people: People, mailbox: Mailbox) -> None:
    id_ = post(people.alice.client(), CALLS, MINE).json()["id"]
    for _ in range(2):
        assert post(people.alice.client(), f"{CALLS}/{id_}/test").status_code == 202
    assert post(people.bob.client(), f"{CALLS}/{id_}/test").status_code == 404
    deliver()
    [text] = mailbox.texts("alice@example.org")
    assert text.count("Test: This is what a notice looks like.") == 2
    patch(people.alice.client(), id_, {"enabled": False})
    assert post(people.alice.client(), f"{CALLS}/{id_}/test").status_code == 422


def test_what_failed_is_tried_at_once_when_it_is_changed(people: People) -> None:
    box = Mailbox()
    one = subscribe(people.alice.user, "failed")
    hear()
    with box.set_up():
        ended_job(people.alice.user)
        hear()
        deliver()
        one.refresh_from_db()
        assert one.failures == 1
        shown = patch(people.alice.client(), str(one.pk), {"name": "again"}).json()
        assert (shown["failures"], shown["error"], shown["waiting"]) == (0, "", 1)
        with box.open():
            deliver()
    assert len(box.got) == 1
    assert Notice.objects.filter(digest=None).count() == 0


def test_every_change_is_in_the_systems_log(people: People, mailbox: Mailbox) -> None:
    client = people.alice.client()
    id_ = post(client, CALLS, MINE).json()["id"]
    patch(client, id_, {"events": ["done"]})
    client.delete(f"{CALLS}/{id_}")
    found = [told(event) for event in system_events()]
    [added, changed, removed] = [one for one in found if one[2].get("object") == "subscription"]
    assert [one[0] for one in (added, changed, removed)] == ["added", "changed", "removed"]
    assert {one[1] for one in (added, changed, removed)} == {"token:alice/test"}
    assert added[2]["after"]["user"] == "alice"
    assert changed[2]["after"] == {"events": ["done"]}


def command(*args: str) -> str:
    out = StringIO()
    call_command("notices", *args, stdout=out)
    return out.getvalue()


def test_the_command_lists_tries_again_and_tests(people: People) -> None:
    box = Mailbox()
    one = subscribe(people.alice.user, "failed")
    hear()
    with box.set_up():
        ended_job(people.alice.user)
        hear()
        deliver()
        assert "1 waiting  1 failures (The mail server cannot be reached" in command()
        [row] = json.loads(command("--json"))
        assert (row["id"], row["owner"], row["waiting"]) == (str(one.pk), "alice", 1)
        with box.open():
            command("--retry", str(one.pk))
            deliver(waits=True)
            command("--test", str(one.pk))
            deliver(waits=True)
    assert [mail["Subject"].split(":")[0] for _, mail in box.got] == ["Failed", "Test"]
    with pytest.raises(CommandError, match="no subscription"):
        command("--test", "0" * 32)
