"""Single sign-on: who comes in as whom, with which rights, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client, override_settings

from core import clock
from jobs.access import tokens
from jobs.access.revalidate import find_refusals
from jobs.access.sso import recheck
from jobs.access.sso import sessions as provider_sessions
from jobs.access.visibility import of_user
from jobs.models import ProviderSession, Team
from tests.support.factories import make_user
from tests.support.fake_provider import FakeProvider, begin, come_back, fake_provider, rights_of
from tests.support.oidc import CLIENT_SECRET, real_provider
from tests.support.people import django_client, session_of
from tests.support.system_log import system_events, told

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as made:
        made.person("ann", "ops", "unknown to us")
        yield made


@pytest.fixture
def red() -> Team:
    return Team.objects.create(name="Red", slug="red")


def events(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the actors and the data of the system's events of a kind."""
    found = [told(event) for event in system_events()]
    return [(actor, data) for type_, actor, data in found if type_ == kind]


def sign_out(browser: Client) -> Any:
    """Press the button."""
    browser.get("/")
    csrf = browser.cookies["reprise_csrf"].value
    return browser.post("/sign-out", {"csrfmiddlewaretoken": csrf})


def test_without_its_settings_there_is_nothing_of_it() -> None:
    browser = django_client()
    assert "/sign-in/provider" not in browser.get("/sign-in").text
    for path in ("/sign-in/provider", "/sign-in/provider/callback?code=c&state=s"):
        assert browser.get(path).status_code == 404
    assert browser.post("/sign-in/provider/sign-out").status_code == 404


def test_groups_are_roles_and_teams(provider: FakeProvider, red: Team) -> None:
    browser = django_client()
    answer = come_back(browser, provider, "/sign-in/provider?next=/history")
    assert (answer.status_code, answer["Location"]) == (302, "/history")
    assert rights_of("ann") == (["operator"], ["red"], False)
    assert browser.get("/api/jobs").status_code == 200
    assert not User.objects.get(username="ann").has_usable_password()
    assert [(one["what"], one["value"]) for _, one in events("granted")] == [
        ("role", "operator"),
        ("team", "Red"),
    ]


def test_a_real_provider_lets_somebody_in_and_out() -> None:
    with real_provider() as real, fake_provider() as fake:
        config = fake.config(oidc_issuer=real.issuer, oidc_client_secret=CLIENT_SECRET)
        with override_settings(REPRISE=config):
            real.put("ann", "sec")
            browser = django_client()
            led = browser.get("/sign-in/provider")["Location"]
            back = real.sign_in(led, "ann")
            answer = browser.get(back.partition("localhost")[2])
            assert answer.status_code == 302, answer.text
            assert rights_of("ann")[0] == ["auditor"]
            for groups, roles in (
                (["sec", "ops"], ["auditor", "operator"]),
                (["ops"], ["operator"]),
            ):
                real.put("ann", *groups)
                ProviderSession.objects.update(check_at="2020-01-01T00:00Z")
                assert recheck.check_due() == 1
                assert rights_of("ann")[0] == roles
            real.set_down(True)
            ProviderSession.objects.update(check_at="2020-01-01T00:00Z")
            assert recheck.check_due() == 1
            assert browser.get("/api/jobs").status_code == 200
            real.set_down(False)
            page = sign_out(browser)
            assert f"{real.issuer}/session/end?id_token_hint=" in page.text
            assert not ProviderSession.objects.exists()
            real.remove("ann")


@pytest.mark.parametrize(
    ("groups", "left"),
    [
        (["ops"], (["operator", "viewer"], ["blue", "red"])),
        (["sec"], (["auditor", "viewer"], ["blue"])),
    ],
)
def test_only_what_the_mapping_names_is_touched(
    provider: FakeProvider, red: Team, groups: list[str], left: Any
) -> None:
    come_back(django_client(), provider)
    user = User.objects.get(username="ann")
    user.groups.add(Group.objects.get(name="viewer"))
    Team.objects.create(name="Blue", slug="blue").members.add(user)
    provider.person("ann", *groups)
    assert come_back(django_client(), provider).status_code == 302
    assert rights_of("ann")[:2] == left


def test_what_goes_wrong_is_said_in_words(provider: FakeProvider) -> None:
    browser = django_client()
    for error, status, words in (
        ("access_denied", 403, "cancelled at the provider"),
        ("server_error", 403, "did not let you in"),
    ):
        query = {"error": error, "state": begin(browser)["state"]}
        answer = browser.get("/sign-in/provider/callback", query)
        assert answer.status_code == status
        assert words in answer.text
    away = provider.config(oidc_issuer="http://127.0.0.1:9")
    with override_settings(REPRISE=away):
        answer = browser.get("/sign-in/provider")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text


def test_a_disabled_account_stays_out(provider: FakeProvider) -> None:
    come_back(django_client(), provider)
    User.objects.update(is_active=False)
    browser = django_client()
    answer = come_back(browser, provider)
    assert (answer.status_code, "disabled" in answer.text) == (403, True)
    assert browser.get("/api/jobs").status_code == 401


class Ann:
    """ann, signed in, with a token and what follows as her."""

    def __init__(self, provider: FakeProvider) -> None:
        self.browser = django_client()
        assert come_back(self.browser, provider).status_code == 302
        self.user = User.objects.get(username="ann")
        _, raw = tokens.make_token(self.user, "ci")
        self.script = django_client(Authorization=f"Bearer {raw}")

    def statuses(self) -> tuple[int, int]:
        """What her page's calls and her script's calls are answered."""
        return self.browser.get("/api/jobs").status_code, self.script.get("/api/jobs").status_code

    def may_follow(self) -> bool:
        [refusal] = find_refusals([(of_user(self.user, session=session_of(self.browser)), None)])
        return refusal is None


@pytest.fixture
def ann(provider: FakeProvider, red: Team) -> Ann:
    return Ann(provider)


def test_a_group_that_is_taken_away_ends_what_it_gave(provider: FakeProvider, ann: Ann) -> None:
    key = session_of(ann.browser)
    assert ann.may_follow()
    provider.person("ann", "unknown")
    assert recheck.check_due() == 1
    assert rights_of("ann") == ([], [], False)
    assert ann.statuses() == (401, 403)
    [refusal] = find_refusals([(of_user(ann.user, session=key), None)])
    assert refusal is not None
    [(actor, data)] = events("signed_out")
    assert (actor, data["user"]) == ("system:single-sign-on", "ann")
    assert "None of their groups" in data["reason"]


def test_without_a_group_all_sessions_of_somebody_end(provider: FakeProvider, ann: Ann) -> None:
    other = django_client()
    come_back(other, provider)
    provider.person("ann")
    later = clock.now() + timedelta(hours=1)
    ProviderSession.objects.filter(session=session_of(other)).update(check_at=later)
    assert recheck.check_due() == 1
    assert not ProviderSession.objects.exists()
    assert ann.statuses()[0] == other.get("/api/jobs").status_code == 401


def test_one_role_less_leaves_the_session(provider: FakeProvider, red: Team) -> None:
    provider.person("ann", "ops", "sec")
    ann = Ann(provider)
    provider.person("ann", "sec")
    recheck.check_due()
    assert rights_of("ann") == (["auditor"], [], False)
    assert ann.statuses() == (200, 200)


def test_a_refused_renewal_ends_the_session_and_says_so(provider: FakeProvider, ann: Ann) -> None:
    provider.renewal = (400, {"error": "invalid_grant"})
    recheck.check_due()
    assert ann.statuses() == (
        401,
        200,
    )  # the provider's session may have ended as it does every day
    assert rights_of("ann")[0] == ["operator"]
    [(_, data)] = events("signed_out")
    assert data["reason"] == "The provider refused to renew the sign-in."


@pytest.mark.parametrize(
    "renewal", [(503, {}), (500, {"error": "server_error"}), (401, {"error": "invalid_client"})]
)
def test_a_provider_that_is_away_leaves_things_as_they_are_for_a_while(
    provider: FakeProvider, ann: Ann, renewal: Any
) -> None:
    provider.renewal = renewal
    for _ in range(3):
        assert recheck.check_due() == 1
        assert ann.statuses() == (200, 200)
    with override_settings(REPRISE=provider.config(oidc_grace_seconds=0)):
        recheck.check_due()
    assert ann.statuses() == (401, 200)


def test_without_anything_to_renew_with_a_session_lasts_for_the_grace(
    provider: FakeProvider, red: Team
) -> None:
    provider.refresh_token = False
    ann = Ann(provider)
    recheck.check_due()
    assert ann.statuses()[0] == 200
    with override_settings(REPRISE=provider.config(oidc_grace_seconds=0)):
        recheck.check_due()
    assert ann.statuses()[0] == 401


@pytest.mark.parametrize("answer", [{"sub": "bob"}, {"sub": 5}, {"sub": None}])
def test_an_answer_about_somebody_else_gives_nothing(
    provider: FakeProvider, ann: Ann, answer: dict[str, Any]
) -> None:
    provider.person("ann", "ops", "admins")
    provider.claims.update(answer)
    recheck.check_due()
    assert rights_of("ann") == (["operator"], ["red"], False)


def test_rights_that_nobody_confirms_end(provider: FakeProvider, ann: Ann) -> None:
    recheck.withdraw_unconfirmed()
    assert ann.statuses()[1] == 200
    with override_settings(REPRISE=provider.config(oidc_roles_days=1e-9)):
        assert recheck.withdraw_unconfirmed() == 1
    assert ann.statuses()[1] == 403


def test_another_issuer_ends_the_sessions_of_the_one_before(
    provider: FakeProvider, ann: Ann
) -> None:
    with override_settings(REPRISE=provider.config(oidc_issuer="")):
        recheck.check_due()
    assert ann.statuses()[0] == 401


def test_a_session_does_not_outlive_its_row(provider: FakeProvider, ann: Ann) -> None:
    ProviderSession.objects.all().delete()
    assert not ann.may_follow()
    assert ann.statuses()[0] == 401
    assert ann.browser.get("/history")["Location"] == "/sign-in?next=/history"


def test_a_changed_password_keeps_the_session(provider: FakeProvider, ann: Ann) -> None:
    ann.user.set_password(old := "a lonely lighthouse")
    ann.user.save()
    come_back(ann.browser, provider)
    form = dict.fromkeys(("new_password1", "new_password2"), "a crowded port")
    form |= {"csrfmiddlewaretoken": ann.browser.cookies["reprise_csrf"].value}
    answer = ann.browser.post("/password", {**form, "old_password": old})
    assert answer["Location"] == "/password?changed"
    provider_sessions.forget_ended()
    assert ann.statuses()[0] == 200


def test_the_provider_signs_somebody_out(provider: FakeProvider, ann: Ann) -> None:
    event: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    good = {"events": event, "jti": "1", "nonce": None, "exp": None}
    post = django_client().post
    wrong: list[dict[str, Any]] = [
        {**good, "nonce": "n"}, {**good, "aud": "other"}, {**good, "iat": 1},
        {**good, "events": {}}, {**good, "sub": None},
    ]  # fmt: skip
    for one in wrong:
        token = provider.id_token(**one)
        assert post("/sign-in/provider/sign-out", {"logout_token": token}).status_code == 400
    assert ann.statuses()[0] == 200
    token = provider.id_token(**good)
    assert post("/sign-in/provider/sign-out", {"logout_token": token}).status_code == 200
    assert ann.statuses()[0] == 401
    assert post("/sign-in/provider/sign-out", {"logout_token": token}).status_code == 400


def test_signing_out_leads_to_the_provider_too(provider: FakeProvider, ann: Ann) -> None:
    page = sign_out(ann.browser)
    assert page.status_code == 200
    assert f"{provider.issuer}/end_session?id_token_hint=ey" in page.text
    assert "post_logout_redirect_uri=http%3A%2F%2Flocalhost%2Fsign-in" in page.text
    assert ann.statuses()[0] == 401


@pytest.mark.parametrize(
    ("local", "staff", "let_in"),
    [("on", False, True), ("staff", False, False), ("staff", True, True), ("off", True, False)],
)
def test_local_accounts_can_be_kept_for_emergencies(
    provider: FakeProvider, local: str, staff: bool, let_in: bool
) -> None:
    make_user("dora", staff=staff)
    browser = django_client()
    with override_settings(REPRISE=provider.config(local_sign_in=local)):
        page = browser.get("/sign-in")
        assert 'href="/sign-in/provider"' in page.text
        assert ('name="password"' in page.text) == (local != "off")
        form = {"username": "dora", "password": "secret"}
        form["csrfmiddlewaretoken"] = (
            browser.cookies["reprise_csrf"].value if local != "off" else ""
        )
        answer = browser.post("/sign-in", form)
    assert (answer.status_code == 302) == let_in
    assert (browser.get("/api/jobs").status_code == 200) == let_in


def test_the_clients_secret_is_not_in_the_log_of_settings(provider: FakeProvider) -> None:
    from jobs.system_log.startup import shown_settings

    assert shown_settings()["oidc_client_secret"] == "set"
    assert settings.REPRISE.oidc_client_secret not in str(shown_settings())
