"""Second factors: used after the password, set up and removed on a page of one's own.

allauth's views in this project's frame and words, with the limit on attempts that passwords have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from allauth.account.forms import ReauthenticateForm
from allauth.account.views import ReauthenticateView
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as CodeAgainForm
from allauth.mfa.base.views import AuthenticateView, IndexView
from allauth.mfa.base.views import ReauthenticateView as CodeAgainView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse, reverse_lazy

from core.errors import OverLimit, RepriseError
from core.proxies import client_address
from core.terminal import hidden_words
from frontend.allauth_adapters import WRONG_CODE, AccountAdapter, FactorAdapter
from jobs.access import second_factor, throttle
from jobs.access.one_time import use_once
from jobs.access.sso import flow

T = TypeVar("T")

MAX_NAME = 100

CODE_LASTS = timedelta(seconds=120)  # longer than a code of an app is taken
_PASSKEY = "The passkey was not accepted. Try again, or enter a code."


class SecondFactorStage(AuthenticateStage):
    """What comes between a password and a session; the provider has its own."""

    def _should_handle(self, request: HttpRequest) -> bool:
        by_provider = flow.PENDING in request.session and not settings.REPRISE.mfa_after_oidc
        return not by_provider and super()._should_handle(request)


def check_code(user: User, check: Callable[[], T]) -> T:
    """Return what `check` returns; a wrong code counts, and further ones have to wait.

    Raises ValidationError.
    """
    try:
        attempt = throttle.begin_code(user, client_address(context.request))
    except OverLimit as error:
        raise ValidationError(error.message) from error
    try:
        found = check()
    except RepriseError as error:  # its secret cannot be read here
        attempt.failed()
        raise ValidationError(error.message) from error
    except ValidationError:
        attempt.failed()
        raise
    attempt.succeeded()
    return found


def use_app_code(user: User, code: str) -> str:
    """Return an app's code that has just been found right. ValidationError if it was used before.

    allauth remembers that in the memory of one process only.
    """
    digits = "".join(code.split())
    if not use_once(f"code of {user.pk}: {digits}", CODE_LASTS):
        raise ValidationError(WRONG_CODE)
    return code


class _OneCode:
    """Mixed into a form of allauth's that takes a code of an app, or for emergencies."""

    user: User
    authenticator: Authenticator

    def clean_code(self) -> str:
        """Count the attempt, then check the code."""
        return check_code(self.user, self._check)

    def _check(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            use_app_code(self.user, code)
        return code


class CodeForm(_OneCode, AuthenticateForm):
    """A code after the password."""


class ConfirmCodeForm(_OneCode, CodeAgainForm):
    """A code, to confirm that it is still the same person."""


class AppForm(ActivateTOTPForm):
    """The first code of an authenticator app, which shows that it was set up well."""

    def clean_code(self) -> str:
        """Count the attempt, then check the code."""
        code = check_code(self.user, super().clean_code)
        return use_app_code(self.user, code)


class _OnePasskey:
    """Mixed into a form of allauth's that takes a passkey."""

    user: User

    def clean_credential(self) -> Authenticator:
        """Check it, and record where it was not accepted."""
        try:
            found: Authenticator = super().clean_credential()  # type: ignore[misc]
        except ValidationError:
            address = client_address(context.request)
            throttle.Attempt(self.user.get_username(), address, (), throttle.CODE).failed()
            raise ValidationError(_PASSKEY) from None
        return found


class PasskeyForm(_OnePasskey, AuthenticateWebAuthnForm):
    """A passkey after the password."""


class ConfirmPasskeyForm(_OnePasskey, ReauthenticateWebAuthnForm):
    """A passkey, to confirm that it is still the same person."""


class ConfirmPasswordForm(ReauthenticateForm):
    """The password, to confirm that it is still the same person."""

    def clean_password(self) -> str:
        """Check it; guesses count as those at sign-in do, for this session."""
        request, user = context.request, self.user
        browser = str(request.session.session_key)
        try:
            attempt = throttle.begin_attempt(user.get_username(), client_address(request), browser)
        except OverLimit as error:
            raise ValidationError(error.message) from error
        try:
            password: str = super().clean_password()
        except ValidationError:
            attempt.failed()
            raise
        attempt.succeeded()
        return password


class PasskeyNameForm(AddWebAuthnForm):
    """A new passkey and its name."""

    def clean_name(self) -> str:
        """Return the name. ValidationError for characters that are not visible."""
        name: str = super().clean_name()[:MAX_NAME]
        if words := hidden_words(name):
            raise ValidationError(words)
        return name


class _WithOptions:
    """Mixed into a view that asks the browser for a passkey: the options for an attribute."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the template shows."""
        found: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        data: Mapping[str, Any] = found.get("js_data", {})
        options = data.get("creation_options") or data.get("request_options") or {}
        return {**found, "passkey_options": json.dumps(options.get("publicKey", {}))}


class _IfThereIsOne(_WithOptions):
    """The same, where not everybody has a passkey."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the template shows; no options for somebody without one."""
        found = super().get_context_data(**kwargs)
        if not json.loads(found["passkey_options"]).get("allowCredentials"):
            found["passkey_options"] = ""
        return found


class UseFactor(_IfThereIsOne, AuthenticateView):
    """`/sign-in/code`: the second factor, after the password."""

    template_name = "frontend/second_factor/use.html"
    form_class = CodeForm
    webauthn_form_class = PasskeyForm


class ConfirmPassword(ReauthenticateView):
    """`/confirm`: the password again, before something that matters."""

    template_name = "frontend/second_factor/confirm_password.html"
    form_class = ConfirmPasswordForm


class ConfirmCode(CodeAgainView):
    """`/confirm/code`: the same by a code."""

    template_name = "frontend/second_factor/confirm_code.html"
    form_class = ConfirmCodeForm


class ConfirmPasskey(_WithOptions, ReauthenticateWebAuthnView):
    """`/confirm/passkey`: the same by a passkey."""

    template_name = "frontend/second_factor/confirm_passkey.html"
    form_class = ConfirmPasskeyForm

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the page again, saying why."""
        return self.render_to_response(self.get_context_data(form=form))


class Factors(IndexView):
    """`/second-factor`: what one has set up; where one has to, before anything else."""

    template_name = "frontend/second_factor/index.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead those who have one, but have not used it in this session, to do so."""
        user = request.user
        if isinstance(user, User) and is_missing(request) and second_factor.has_factor(user):
            [how, *_] = AccountAdapter(request).get_reauthentication_methods(user)
            return HttpResponseRedirect(f"{how['url']}?next={reverse('mfa_index')}")
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the template shows."""
        return super().get_context_data(must=is_missing(self.request), **kwargs)


class AddApp(ActivateTOTPView):
    """`/second-factor/app`: set up an authenticator app."""

    template_name = "frontend/second_factor/add_app.html"
    form_class = AppForm


class RemoveApp(DeactivateTOTPView):
    """`/second-factor/app/remove`."""

    template_name = "frontend/second_factor/remove.html"
    extra_context = {"what": "your authenticator app"}


class AddPasskey(_WithOptions, AddWebAuthnView):
    """`/second-factor/passkeys/add`."""

    template_name = "frontend/second_factor/add_passkey.html"
    form_class = PasskeyNameForm


class RemovePasskey(RemoveWebAuthnView):
    """`/second-factor/passkeys/<id>/remove`."""

    template_name = "frontend/second_factor/remove.html"
    success_url = reverse_lazy("mfa_index")
    extra_context = {"what": "this passkey"}

    def form_valid(self, form: Any) -> HttpResponse:
        """Remove it, unless it is the last one of somebody who must have one."""
        adapter = FactorAdapter()
        if not adapter.can_delete_authenticator(self.object):
            raise PermissionDenied(adapter.error_messages["cannot_delete_authenticator"])
        return super().form_valid(form)


class RecoveryCodes(ViewRecoveryCodesView):
    """`/second-factor/recovery-codes`: shown once, just after they were made."""

    template_name = "frontend/second_factor/recovery_codes.html"


class NewRecoveryCodes(GenerateRecoveryCodesView):
    """`/second-factor/recovery-codes/new`: new ones, which replace those there are."""

    template_name = "frontend/second_factor/new_recovery_codes.html"


def is_missing(request: HttpRequest) -> bool:
    """Return whether somebody must set up a factor, or use theirs, before anything else."""
    user = request.user
    return isinstance(user, User) and second_factor.is_missing(request.session, user)
