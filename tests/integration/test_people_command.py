"""`manage.py people`, and the keys that second factors and the provider's tokens are under."""

from __future__ import annotations

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from jobs.access import factor_secrets
from jobs.access.sso import sessions
from jobs.models import ProviderSession
from jobs.secrets import keys
from tests.support.factories import make_user
from tests.support.fake_provider import come_back, fake_provider
from tests.support.people import django_client

pytestmark = pytest.mark.usefixtures("database")
KEY = "JBSWY3DPEHPK3PXP"


def manage(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_somebody_of_the_provider_goes_on_as_the_account_they_have() -> None:
    make_user("ann", role="")
    with fake_provider() as provider:
        said = manage("people", "link", "ann", "subject-1")
        assert "signs in as ann" in said
        provider.person("subject-1", "ops", preferred_username="other")
        browser = django_client()
        come_back(browser, provider)
        assert "Signed in as ann, operator" in browser.get("/").text
        with pytest.raises(CommandError, match="signs in as ann already"):
            manage("people", "link", "ann", "subject-1")
    assert SocialAccount.objects.count() == 1


def test_nobody_is_linked_without_a_provider_or_an_account() -> None:
    make_user("ann")
    with pytest.raises(CommandError, match="there is no provider"):
        manage("people", "link", "ann", "s")
    with pytest.raises(CommandError, match="no user bob"):
        manage("people", "reset-factors", "bob")


def test_lost_factors_are_removed() -> None:
    TOTP.activate(make_user("ann"), KEY)
    assert "Removed 1 second factor of ann." in manage("people", "reset-factors", "ann")
    assert not Authenticator.objects.exists()


def test_factors_and_tokens_move_to_a_new_key() -> None:
    with fake_provider() as provider:
        provider.person("ann", "ops")
        come_back(django_client(), provider)
        factor = TOTP.activate(User.objects.get(username="ann"), KEY).instance
        old = keys.newest_key().id
        keys.add_key()
        manage("secrets", "rotate")
        newest = keys.newest_key().id
        assert newest != old
        factor.refresh_from_db()
        assert factor_secrets.open_text(factor.data["secret"]) == KEY
        assert factor_secrets.by_key() == {newest: 1}
        assert sessions.by_key() == {newest: 1}
        assert sessions.open_tokens(ProviderSession.objects.get())["refresh"] == "r"


def test_nothing_of_allauth_is_set_up_in_the_admin() -> None:
    apps = {model._meta.app_label for model in admin.site._registry}
    assert not apps & {"account", "mfa", "socialaccount"}
