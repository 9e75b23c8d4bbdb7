"""Attacks on single sign-on: what the provider, a page or a person may try to come in with."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.test import override_settings

from jobs.access.sso.provider import LOGOUT_EVENT
from jobs.models import ProviderSession, UserSession
from tests.support.certificates import certificate
from tests.support.factories import make_user
from tests.support.fake_provider import (
    OTHER_KEY,
    FakeProvider,
    begin,
    come_back,
    fake_provider,
    rights_of,
)
from tests.support.people import django_client, session_of

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as made:
        made.person("ann", "ops", "unknown to us")
        yield made


@pytest.mark.parametrize(
    "claims",
    [
        {"groups": []}, {"groups": ["unknown"]}, {"groups": None}, {"groups": 7},
        {"groups": {"ops": True}}, {"groups": [["ops"], {"ops": 1}, 5]}, {"groups": "opsec"},
        {"groups": ["ops"] + [f"g{number}" for number in range(10_000)]},
    ],
)  # fmt: skip
def test_nobody_comes_in_without_a_group_that_gives_something(
    provider: FakeProvider, claims: dict[str, Any]
) -> None:
    provider.claims.update(claims)
    browser = django_client()
    answer = come_back(browser, provider)
    assert answer.status_code == 403
    assert "none of your groups gives you a role here" in answer.text
    assert not User.objects.exists()
    assert browser.get("/api/jobs").status_code == 401


def test_a_name_that_is_taken_is_not_taken_over(provider: FakeProvider) -> None:
    make_user("ann")
    make_user("Bob", staff=True)
    for subject, name in (("ann", "ann-2"), ("bob", "bob-2")):
        provider.person(subject, "ops", email="ann@example.org", email_verified=True)
        browser = django_client()
        come_back(browser, provider)
        assert f"Signed in as {name}," in browser.get("/").text
    assert rights_of("Bob") == (["operator"], [], True)


def test_an_address_of_mail_connects_to_nobody(provider: FakeProvider) -> None:
    boss = make_user("boss", staff=True)
    boss.email = "boss@example.org"
    boss.save()
    provider.claims.update(email="boss@example.org", email_verified=True)
    browser = django_client()
    assert come_back(browser, provider).status_code == 302
    assert "Signed in as ann," in browser.get("/").text
    assert not SocialAccount.objects.filter(user=boss).exists()


@pytest.mark.parametrize("name", ["", 7, None, "a b", "x\u202ey", "a/b", "../..", "x" * 300])
def test_a_name_that_cannot_be_used_is_replaced(provider: FakeProvider, name: Any) -> None:
    provider.claims["preferred_username"] = name
    assert come_back(django_client(), provider).status_code == 302
    user = User.objects.get()
    user.full_clean(exclude=["password"])
    assert user.username in {"person", "x" * 100}


def test_people_are_known_by_issuer_and_subject(provider: FakeProvider) -> None:
    come_back(django_client(), provider)
    provider.claims["preferred_username"] = "ann-married"
    come_back(django_client(), provider)
    assert [user.username for user in User.objects.all()] == ["ann"]
    SocialAccount.objects.update(provider="https://another.example.org")
    come_back(django_client(), provider)
    assert User.objects.count() == 2


def wrong_tokens() -> list[Any]:
    return [
        pytest.param({"id_claims": {"aud": "another service"}}, id="another audience"),
        pytest.param({"id_claims": {"aud": ["reprise", "other"], "azp": "other"}}, id="azp"),
        pytest.param({"id_claims": {"iss": "https://evil.example.org"}}, id="another issuer"),
        pytest.param({"id_claims": {"exp": 1}}, id="expired"),
        pytest.param({"id_claims": {"exp": None}}, id="endless"),
        pytest.param({"id_claims": {"nonce": "another"}}, id="another nonce"),
        pytest.param({"id_claims": {"nonce": None}}, id="no nonce"),
        pytest.param({"id_claims": {"nonce": ["x"]}}, id="a nonce that is no text"),
        pytest.param({"algorithm": "none", "key": None}, id="alg none"),
        pytest.param({"algorithm": "HS256", "key": "s" * 40}, id="signed with the client's secret"),
        pytest.param({"key": OTHER_KEY}, id="another key"),
        pytest.param({"user_info": {"sub": "bob"}}, id="user info of somebody else"),
        pytest.param({"token_body": b'{"access_token": "a"}'}, id="no ID token"),
        pytest.param({"token_body": b'{"access_token": "a", "id_token": 5}'}, id="no token at all"),
        pytest.param({"token_body": b"[]"}, id="a list"),
        pytest.param({"token_body": b"<html>"}, id="no JSON"),
        pytest.param({"token_body": b"[" * 100_000}, id="deep"),
        pytest.param({"token_body": b" " * 2_000_000 + b"{}"}, id="huge"),
    ]


@pytest.mark.parametrize("wrong", wrong_tokens())
def test_an_answer_that_does_not_fit_lets_nobody_in(
    provider: FakeProvider, wrong: dict[str, Any]
) -> None:
    for name, value in wrong.items():
        setattr(provider, name, value)
    browser = django_client()
    answer = come_back(browser, provider)
    assert answer.status_code in {502, 503}, answer.text
    assert "provider" in answer.text
    assert not User.objects.exists()
    assert browser.get("/api/jobs").status_code == 401


@pytest.mark.parametrize("said", ["https://evil.example.org", "{}/", "{}/realms/other"])
def test_a_configuration_of_another_issuer_is_not_used(provider: FakeProvider, said: str) -> None:
    provider.said_issuer = said.format(provider.issuer)
    answer = django_client().get("/sign-in/provider")
    assert (answer.status_code, "Location" in answer) == (503, False)


def test_the_provider_leads_the_service_nowhere_else(provider: FakeProvider) -> None:
    provider.keys_at = f"{provider.issuer}/elsewhere"
    assert come_back(django_client(), provider).status_code == 503
    provider.keys_at = ""
    assert come_back(django_client(), provider).status_code == 302


def test_nobody_is_asked_who_has_a_strange_certificate(
    provider: FakeProvider, tmp_path: Path
) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            issuer = f"https://localhost:{server.server_port}"
            with override_settings(REPRISE=provider.config(oidc_issuer=issuer)):
                assert django_client().get("/sign-in/provider").status_code == 503
        finally:
            server.shutdown()
            thread.join()
    assert asked == []


def test_a_logout_token_that_is_not_the_providers_ends_nothing(provider: FakeProvider) -> None:
    browser = django_client()
    come_back(browser, provider)
    post = django_client().post
    said: dict[str, Any] = {"events": {LOGOUT_EVENT: {}}, "jti": "1", "nonce": None}
    forged: list[dict[str, Any]] = [
        {"algorithm": "none", "key": None}, {"key": OTHER_KEY},
        {"algorithm": "HS256", "key": "s" * 40}, {"issuer": "https://evil.example.org"},
    ]  # fmt: skip
    tokens = [replace(provider, **wrong).id_token(**said) for wrong in forged]
    for token in (*tokens, provider.id_token(), "", "no token"):
        answer = post("/sign-in/provider/sign-out", {"logout_token": token})
        assert answer.status_code == 400
        assert browser.get("/api/jobs").status_code == 200


def test_a_callback_counts_once_and_only_where_it_began(provider: FakeProvider) -> None:
    browser, other = django_client(), django_client()
    led = begin(browser)
    provider.nonce = led["nonce"]
    given = {"code": "c", "state": led["state"]}
    for query in ({"code": "c"}, {"code": "c", "state": "made up"}):
        answer = browser.get("/sign-in/provider/callback", query)
        assert (answer.status_code, User.objects.count()) == (400, 0)
    answer = other.get("/sign-in/provider/callback", given)
    assert answer.status_code == 400
    assert "began in another browser" in answer.text
    assert browser.get("/sign-in/provider/callback", given).status_code == 302
    assert browser.get("/sign-in/provider/callback", given).status_code == 400


@pytest.mark.parametrize(
    "place", ["https://evil.example.org/", "//evil.example.org", "javascript:alert(1)", "\\\\evil"]
)
def test_nobody_is_led_elsewhere(provider: FakeProvider, place: str) -> None:
    browser = django_client()
    begin(browser)
    answer = come_back(browser, provider, f"/sign-in/provider?next={place}")
    assert answer["Location"] == "/"


def test_parameters_of_the_address_change_nothing_of_the_flow(provider: FakeProvider) -> None:
    browser = django_client()
    browser.force_login(make_user("boss", staff=True))
    path = "/sign-in/provider?process=connect&scope=admin&auth_params=nonce%3Dx&action=rerequest"
    led = begin(browser, path)
    assert set(led["scope"].split()) == {"openid", "profile", "email"}
    assert led["nonce"] != "x"
    assert led["code_challenge_method"] == "S256"
    provider.nonce = led["nonce"]
    browser.get("/sign-in/provider/callback", {"code": "c", "state": led["state"]})
    assert SocialAccount.objects.get().user.username == "ann"
    assert ProviderSession.objects.get().session == session_of(browser)


def test_the_sessions_key_changes_when_somebody_signs_in(provider: FakeProvider) -> None:
    browser = django_client()
    begin(browser)
    before = session_of(browser)
    come_back(browser, provider)
    assert session_of(browser) != before


def test_tokens_of_the_provider_are_nowhere_in_the_clear(provider: FakeProvider) -> None:
    browser = django_client()
    come_back(browser, provider)
    stored = [str(row.get_decoded()) for row in UserSession.objects.all()]
    assert stored
    stored += [str(bytes(row.tokens)) for row in ProviderSession.objects.all()]
    stored += [str(row.extra_data) for row in SocialAccount.objects.all()]
    assert not any("ey" + "J" in text or "refresh" in text for text in stored)


@pytest.mark.parametrize(
    ("site", "leads_to_provider"),
    [("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)],
)
def test_another_site_begins_no_sign_in(
    provider: FakeProvider, site: str, leads_to_provider: bool
) -> None:
    """A link there would sign in whomever the provider knows: our page asks for a click first."""
    answer = django_client().get(
        "/sign-in/provider?next=/history", headers={"Sec-Fetch-Site": site}
    )
    there = answer["Location"]
    assert (
        there.startswith(provider.issuer)
        if leads_to_provider
        else there == "/sign-in?next=/history"
    )
