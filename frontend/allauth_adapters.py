"""What allauth asks this project: who may sign in how, and what is shown when that fails.

Only its flow of OpenID Connect, its second factors and its confirmation by password are used. There
is no form to sign up, no mail, and no way to connect an account of the provider's to a local one.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from frontend.views import provider_pages
from jobs.access import factor_secrets, second_factor
from jobs.access.sso import flow
from jobs.access.sso.flow import NoRights, Provider

WRONG_CODE = "Wrong code. Codes change every 30 seconds, and each is good once."


class AccountAdapter(DefaultAccountAdapter):
    """Sign-ins: the password or the provider, then the second factor, then the session."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "incorrect_password": "That is not your password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: people are added by those who manage them, or by single sign-on."""
        return False

    def get_login_stages(self) -> list[str]:
        """Return what comes between a password and a session."""
        return ["frontend.views.second_factor.SecondFactorStage"]

    def login(self, request: HttpRequest, user: Any) -> None:
        """Open the session."""
        super().login(request, user)
        flow.finish_login(request, user)

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Say that the account is disabled."""
        return provider_pages.show_failure(request, "disabled")

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return how somebody confirms that it is they: by their second factor if they have one."""
        found = super().get_reauthentication_methods(user)
        return [one for one in found if one["id"] != "reauthenticate"] or found

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether somebody has to confirm; those who have nothing to do it with do not."""
        return bool(self.get_reauthentication_methods(self.request.user))

    def is_safe_url(self, url: str) -> bool:
        """Return whether an address is one of this service's."""
        host = self.request.get_host()
        return url_has_allowed_host_and_scheme(url, {host}, self.request.is_secure())

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the pages say what has happened."""


class SocialAdapter(DefaultSocialAccountAdapter):
    """The one provider of REPRISE_OIDC_ISSUER; none in the database counts."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the provider's app, unless another is asked for."""
        try:
            app = flow.provider_app()
        except SocialApp.DoesNotExist:
            return []
        return [app] if provider in {None, app.provider, app.provider_id} else []

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> Provider:
        """Return the provider."""
        return Provider(request, app=self.get_app(request, provider))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return True: whom the provider vouches for, and whose groups say so, may come in."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Check what the provider says, before anybody is signed in."""
        try:
            flow.accept_login(request, sociallogin)
        except NoRights:
            raise ImmediateHttpResponse(provider_pages.show_failure(request, "no-group")) from None

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Make the account of somebody new."""
        try:
            return flow.add_person(request, sociallogin)
        except IntegrityError:  # they, or somebody of this name, came in meanwhile
            raise ImmediateHttpResponse(provider_pages.show_failure(request, "again")) from None

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        """Show the page that says what went wrong."""
        raise ImmediateHttpResponse(
            provider_pages.show_error(request, cancelled=error == "cancelled", cause=exception)
        )


class FactorAdapter(DefaultMFAAdapter):
    """Second factors: their secrets are encrypted, and none that is needed can be removed."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": WRONG_CODE,
        "cannot_delete_authenticator": "Your role takes a second factor. Add another one first.",
    }

    def get_totp_label(self, user: Any) -> str:
        """Return what an authenticator app shows beside the code."""
        return str(user.get_username())

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        """Return a name for a new passkey, which its owner can change."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}"

    def encrypt(self, text: str) -> str:
        """Return a secret as it is stored."""
        return factor_secrets.seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return a stored secret. Raises SecretUnreadable and KeysUnusable."""
        return factor_secrets.open_text(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return whether somebody may remove a factor: not the last of who must have one."""
        user = authenticator.user
        if not second_factor.users_who_must([user.pk]):
            return True
        others = Authenticator.objects.filter(user=user).exclude(pk=authenticator.pk)
        return others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
