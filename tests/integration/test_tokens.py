"""API tokens: made and revoked over REST, on the command line and in the admin."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from core import clock
from core.errors import NotSignedIn
from jobs.access import tokens
from jobs.models import ApiToken
from tests.support.people import People, django_client, post

CSRF = {"X-CSRFToken": "a" * 32}


def test_a_session_makes_a_token_that_works_until_it_is_revoked(people: People) -> None:
    browser = people.alice.browser()
    browser.cookies["reprise_csrf"] = "a" * 32

    made = post(browser, "/api/tokens", {"name": "ci"}, **CSRF)
    assert made.status_code == 201
    token = made.json()
    assert token["token"].startswith(token["prefix"])
    assert token["token"] not in str(ApiToken.objects.filter(pk=token["id"]).values())

    ci = django_client(Authorization=f"Bearer {token['token']}")
    shown = ci.get("/api/tokens").json()["tokens"]
    assert [(one["name"], one["revoked_at"]) for one in shown] == [("ci", None), ("test", None)]
    assert all("token" not in one and "hash" not in one for one in shown)
    assert shown[0]["last_used_at"] is not None

    gone = ci.delete(f"/api/tokens/{token['id']}")
    assert (gone.status_code, gone.json()["name"]) == (200, "ci")
    assert gone.json()["revoked_at"] is not None
    assert ci.get("/api/tokens").status_code == 401


def test_a_token_makes_no_token(people: People) -> None:
    answer = post(people.alice.client(), "/api/tokens", {"name": "successor"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_tokens_of_others_are_unknown(people: People) -> None:
    theirs = ApiToken.objects.get(user=people.bob.user)
    for token_id in (str(theirs.pk), "0", "x", "-1", "9" * 30):
        answer = people.alice.client().delete(f"/api/tokens/{token_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    tokens.verify_token(people.bob.raw)


def test_a_wish_that_does_not_fit_points_at_the_field(people: People) -> None:
    browser = people.alice.browser()
    browser.cookies["reprise_csrf"] = "a" * 32
    wishes = {
        '{"name": "test"}': "/name",
        '{"name": " "}': "/name",
        '{"name": "a\\nb"}': "/name",
        '{"name": "' + "x" * 101 + '"}': "/name",
        '{"name": "x", "expires_at": "2020-01-01T00:00:00Z"}': "/expires_at",
        '{"name": "x", "expires_at": "9999-12-31T23:59:59-12:00"}': "/expires_at",
    }
    for wish, pointer in wishes.items():
        answer = post(browser, "/api/tokens", wish.encode(), **CSRF)
        assert (wish, answer.json()["code"]) == (wish, "invalid_params")
        assert answer.json()["errors"][0]["pointer"] == pointer


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("token", *words, stdout=out)
    return out.getvalue()


def test_the_command_makes_lists_and_revokes(people: People) -> None:
    raw = run("make", "alice", "deploy", "--days", "30").strip()
    token = tokens.verify_token(raw)
    assert (token.user, token.name) == (people.alice.user, "deploy")
    assert token.expires_at is not None

    listed = run("list", "alice")
    assert "deploy" in listed
    assert raw not in listed
    assert "bob" in run("list")

    run("revoke", "alice", "deploy")
    with pytest.raises(NotSignedIn):
        tokens.verify_token(raw)
    assert "revoked" in run("list", "alice")


def test_the_command_says_what_is_wrong(people: People) -> None:
    wrong = [
        (("make", "mallory", "x"), "no user mallory"),
        (("make", "alice", "test"), "another name"),
        (("make", "alice", "x", "--days", "-1"), "within 365 days"),
        (("make", "alice", "x", "--never"), "have to expire"),
        (("make", "alice", "x", "--kind", "nothing"), "no kind 'nothing'"),
        (("make", "alice", "x", "--team", "blue"), "no team 'blue'"),
        (("revoke", "alice", "x"), "no token called x"),
    ]
    for words, says in wrong:
        with pytest.raises(CommandError, match=says):
            run(*words)


def days_left(client: Client, body: dict[str, object]) -> float | None:
    """Make a token and return in how many days it expires; the status where there is none."""
    answer = post(client, "/api/tokens", body, **CSRF)
    assert answer.status_code == 201, answer.json()
    until = answer.json()["expires_at"]
    return (clock.parse(until) - clock.now()) / timedelta(days=1) if until else None


def test_a_token_expires_unless_somebody_says_otherwise(people: People) -> None:
    browser = people.alice.browser()
    browser.cookies["reprise_csrf"] = "a" * 32
    assert days_left(browser, {"name": "a"}) == pytest.approx(90, abs=0.01)
    soon = clock.rfc3339(clock.now() + timedelta(days=3))
    assert days_left(browser, {"name": "b", "expires_at": soon}) == pytest.approx(3, abs=0.01)
    for wish in (None, clock.rfc3339(clock.now() + timedelta(days=366))):
        refused = post(browser, "/api/tokens", {"name": "c", "expires_at": wish}, **CSRF)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/expires_at"
    run("make", "alice", "d", "--days", "365")
    short = settings.REPRISE.with_changes(token_days=90, token_max_days=30)
    with override_settings(REPRISE=short):
        assert days_left(browser, {"name": "e"}) == pytest.approx(30, abs=0.01)
    endless = settings.REPRISE.with_changes(token_max_days=0)
    with override_settings(REPRISE=endless):
        assert days_left(browser, {"name": "f"}) == pytest.approx(90, abs=0.01)
        assert days_left(browser, {"name": "g", "expires_at": None}) is None
        run("make", "alice", "h", "--never")


def test_a_token_says_what_it_is_for(people: People) -> None:
    browser = people.alice.browser()
    browser.cookies["reprise_csrf"] = "a" * 32
    wish = {"name": "ci", "scopes": ["submit", "read"], "kind": "command", "team": "red"}
    made = post(browser, "/api/tokens", wish, **CSRF).json()
    limits = {"scopes": ["read", "submit"], "kind": "command", "team": "red"}
    assert limits.items() <= made.items()
    [shown] = [one for one in browser.get("/api/tokens").json()["tokens"] if one["name"] == "ci"]
    assert limits.items() <= shown.items()
    run("make", "alice", "by-hand", "--scope", "steer", "--scope", "read", "--team", "red")
    assert "may read steer of team red" in run("list", "alice")
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["write"]}, "/scopes"),
        ({"scopes": ["admin"], "kind": "command"}, "/scopes"),
        ({"kind": "nothing"}, "/kind"),
        ({"team": "blue"}, "/team"),
    )
    for body, pointer in wrong:
        full: dict[str, object] = {"name": "x", "scopes": ["read"], **body}
        refused = post(browser, "/api/tokens", full, **CSRF)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


def test_tokens_of_before_the_scopes_keep_all(people: People) -> None:
    token = ApiToken.objects.get(user=people.alice.user)
    assert (token.scopes, token.kind, token.team) == ("read submit steer admin", "", None)


def test_an_administrator_revokes_without_seeing_secrets(people: People) -> None:
    people.root.user.is_superuser = True
    people.root.user.save()
    admin = people.root.browser()
    admin.cookies["reprise_csrf"] = "a" * 32
    token = ApiToken.objects.get(user=people.bob.user)

    page = admin.get(f"/admin/jobs/apitoken/{token.pk}/change/")
    assert page.status_code == 200
    assert token.hash not in page.content.decode()
    form = {"action": "revoke", "_selected_action": str(token.pk), "csrfmiddlewaretoken": "a" * 32}
    assert admin.post("/admin/jobs/apitoken/", form).status_code == 302
    with pytest.raises(NotSignedIn):
        tokens.verify_token(people.bob.raw)
