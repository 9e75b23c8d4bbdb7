"""The page of one's own tokens and sessions, as the server makes it."""

from __future__ import annotations

import html
import re

import pytest
from django.conf import settings
from django.test import Client, override_settings

from jobs.access import sessions, tokens
from jobs.models import ApiToken, UserSession
from tests.support.people import People, Person, django_client, session_of

pytestmark = pytest.mark.usefixtures("database")

CSRF = "a" * 32


def browser_of(person: Person) -> Client:
    made = person.browser()
    made.cookies["reprise_csrf"] = CSRF
    return made


def send(client: Client, path: str, **form: object) -> tuple[int, str]:
    answer = client.post(path, {"csrfmiddlewaretoken": CSRF, **form})
    return answer.status_code, html.unescape(answer.content.decode())


def read(client: Client) -> str:
    answer = client.get("/account")
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_a_stranger_is_led_to_sign_in(people: People) -> None:
    assert django_client().get("/account").status_code == 302
    assert django_client(**people.alice.headers).get("/account").status_code == 302


def test_a_token_is_made_and_shown_once(people: People) -> None:
    client = browser_of(people.alice)
    wish = {"name": "deploy", "scopes": ["read", "steer"], "kind": "", "team": "red", "days": "30"}
    status, page = send(client, "/account", **wish)
    assert status == 200
    found = re.search(r"rp_[\w-]{43}", page)
    assert found
    token = tokens.verify_token(found[0])
    assert (token.name, token.scopes, token.team) == ("deploy", "read steer", people.red)
    assert found[0] not in read(client)
    assert "read, steer · only team Red" in read(client)
    assert "in 30 days" in read(client)


def test_what_does_not_fit_is_said_at_its_field(people: People) -> None:
    client = browser_of(people.alice)
    wish = {"name": "x", "scopes": ["read"], "kind": "", "team": "", "days": "30"}
    limited = {"scopes": ["admin"], "team": "red"}
    for change, said in (
        ({"name": ""}, "Enter a name."),
        ({"name": "test"}, "There is, or was, a token called test"),
        ({"scopes": []}, "Choose at least one."),
        (limited, "cannot have the scope admin"),
        ({"days": "never"}, "not one of the available choices"),
        ({"team": "blue"}, "not one of the available choices"),
    ):
        status, page = send(client, "/account", **{**wish, **change})
        assert (status, said in page) == (200, True)
        assert '<details class="account-new" open>' in page
    endless = settings.REPRISE.with_changes(token_max_days=0)
    with override_settings(REPRISE=endless):
        assert send(client, "/account", **{**wish, "days": "never"})[0] == 200


def test_a_token_is_revoked_by_its_owner_only(people: People) -> None:
    client = browser_of(people.alice)
    mine = ApiToken.objects.get(user=people.alice.user)
    theirs = ApiToken.objects.get(user=people.bob.user)
    assert send(client, f"/account/tokens/{theirs.pk}/revoke")[0] == 404
    assert send(client, f"/account/tokens/{'9' * 30}/revoke")[0] == 404
    assert client.get(f"/account/tokens/{mine.pk}/revoke").status_code == 405
    assert send(client, f"/account/tokens/{mine.pk}/revoke")[0] == 302
    theirs.refresh_from_db()
    mine.refresh_from_db()
    assert (theirs.revoked_at is None, mine.revoked_at is None) == (True, False)
    page = read(client)
    assert "You have no tokens" in page
    assert "1 ended" in page


def test_sessions_are_listed_and_ended(people: People) -> None:
    here, there, third = (browser_of(people.alice) for _ in range(3))
    other = browser_of(people.bob)
    assert "this session" in read(here)
    keys = [session_of(client) for client in (there, other)]
    for key in keys:
        assert send(here, f"/account/sessions/{key[:8]}/end")[0] == 302
    assert {one.pk for one in UserSession.objects.exclude(user=people.alice.user)} == {keys[1]}
    assert len(sessions.sessions_of(people.alice.user)) == 2
    assert send(here, "/account/sessions/end-others")[0] == 302
    assert [one.pk for one in sessions.sessions_of(people.alice.user)] == [session_of(here)]
    assert third.get("/account").status_code == 302
    assert "You are signed in nowhere else." in read(here)


def test_no_form_is_taken_from_elsewhere(people: People) -> None:
    client = people.alice.browser()
    mine = ApiToken.objects.get(user=people.alice.user)
    for path in ("", f"/tokens/{mine.pk}/revoke", "/sessions/end-others"):
        assert client.post(f"/account{path}", {}).status_code == 403
