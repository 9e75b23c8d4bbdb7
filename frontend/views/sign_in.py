"""Signing in and out, and changing one's own password, with a limit on attempts.

Django's views in this project's frame and words.
"""

from __future__ import annotations

from typing import Any, cast

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.forms import BooleanField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.decorators import method_decorator

from core.errors import OverLimit
from core.proxies import client_address
from frontend.views.frame import refuse_session, whole_session
from jobs.access import session_rules, throttle, tokens
from jobs.access.sso import flow, logout
from jobs.access.sso import sessions as provider_sessions
from jobs.access.throttle import Attempt, PasswordNotChecked
from jobs.models import ApiToken

# Says that somebody has signed in here before; it lets nobody in.
BROWSER = f"{settings.COOKIE_PREFIX}reprise_browser"
BROWSER_DAYS = 180
BROWSER_PATH = "/" if settings.COOKIE_PREFIX else "/sign-in"  # the prefix asks for all of the host


class SignInForm(AuthenticationForm):
    """Django's form with sentences that say what to do next, and with a limit on attempts."""

    error_messages = {
        "invalid_login": "Wrong user name or password. Both are case-sensitive.",
        "inactive": "This account is disabled. Ask your administrator.",
        "single_sign_on": "Passwords are for emergencies here. Sign in with {name}.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].error_messages["required"] = "Enter your user name."
        self.fields["password"].error_messages["required"] = "Write your password."
        self.browser = ""
        self.refused: OverLimit | None = None

    def clean(self) -> dict[str, Any]:
        """Count the attempt, then check the password."""
        if {"username", "password"} <= self.cleaned_data.keys():
            attempt = self._begin(self.cleaned_data["username"])
            try:
                super().clean()
            except PasswordNotChecked:
                attempt.was_not_checked()
                raise
            except ValidationError:
                attempt.failed()
                raise
            attempt.succeeded()
        return self.cleaned_data

    def confirm_login_allowed(self, user: User) -> None:
        """Refuse those who are to sign in at the provider (REPRISE_LOCAL_SIGN_IN)."""
        super().confirm_login_allowed(user)
        if not _takes_password(user):
            name = settings.REPRISE.oidc_name
            raise ValidationError(self.error_messages["single_sign_on"].format(name=name))

    def _begin(self, name: str) -> Attempt:
        request = cast(HttpRequest, self.request)  # SignIn hands it on
        self.browser = _browser(request, name)
        try:
            return throttle.begin_attempt(name, client_address(request), self.browser)
        except OverLimit as error:
            self.refused = error
            raise ValidationError(error.message) from error


class SignIn(LoginView):
    """`/sign-in`; `next` is kept, and followed where it stays on this host."""

    template_name = "frontend/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the template shows."""
        config = settings.REPRISE
        provider = config.oidc_name if config.oidc_issuer else ""
        return super().get_context_data(provider=provider, local=config.local_sign_in, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, or ask for the second factor first, and know this browser again."""
        request, user = self.request, form.get_user()
        request.session.pop(flow.PENDING, None)  # of a sign-in at the provider that was given up
        record_authentication(request, user, "password", reauthenticated=True)
        response: HttpResponse = perform_login(request, user, redirect_url=self.get_success_url())
        browser = cast(SignInForm, form).browser or get_random_string(22)
        response.set_signed_cookie(
            BROWSER, browser, salt=_salt(user.get_username()),
            max_age=BROWSER_DAYS * 86_400, path=BROWSER_PATH, httponly=True, samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )  # fmt: skip
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show the form again; as 429 where somebody has to wait."""
        response = super().form_invalid(form)
        if refused := cast(SignInForm, form).refused:
            response.status_code = refused.status
            response["Retry-After"] = str(refused.retry_after_s)
        return response


class SignOut(LogoutView):
    """`/sign-out`, by POST only; leads to the sign-in page, or to sign out at the provider too."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out."""
        back_to = request.build_absolute_uri(reverse("sign-in"))
        there = logout.end_own_session(request.session, back_to)
        response = super().post(request, *args, **kwargs)
        if there is None:
            return response
        context = {"there": there, "provider": settings.REPRISE.oidc_name}
        return render(request, "frontend/signed_out.html", context)


class ChangeForm(PasswordChangeForm):
    """The current password, the new one twice, and whether tokens end as sessions do."""

    error_messages = {
        "password_incorrect": "That is not your current password.",
        "password_mismatch": "The two new passwords are not the same.",
    }
    revoke_tokens = BooleanField(required=False)

    def __init__(
        self, user: User, *args: Any, address: str = "", browser: str = "", **kwargs: Any
    ) -> None:
        super().__init__(user, *args, **kwargs)
        self.address, self.browser = address, browser
        for name in ("old_password", "new_password1", "new_password2"):
            self.fields[name].error_messages["required"] = "Enter a password."

    def clean_old_password(self) -> str:
        """Check the current password; guesses count as those at sign-in do, for this session."""
        try:
            attempt = throttle.begin_attempt(self.user.get_username(), self.address, self.browser)
        except OverLimit as error:
            raise ValidationError(error.message) from error
        try:
            found = super().clean_old_password()
        except ValidationError:
            attempt.failed()
            raise
        attempt.succeeded()
        return found


@method_decorator(whole_session, name="dispatch")
class ChangePassword(PasswordChangeView):
    """`/password`; the user's other sessions end, by the password's hash that they have."""

    template_name = "frontend/password.html"
    form_class = ChangeForm
    success_url = "/password?changed"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Return what the form is made with."""
        own = {
            "address": client_address(self.request),
            "browser": str(self.request.session.session_key),
        }
        return {**super().get_form_kwargs(), **own}

    def form_valid(self, form: Any) -> HttpResponse:
        """Change it, and revoke tokens where that is asked for, together."""
        with transaction.atomic():
            if form.cleaned_data["revoke_tokens"]:
                tokens.revoke_tokens(ApiToken.objects.filter(user=form.user))
            answer = super().form_valid(form)
            session = self.request.session
            provider_sessions.note_new_key(session, session.session_key or "")
            return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the template shows."""
        return super().get_context_data(changed="changed" in self.request.GET, **kwargs)


def staff(request: HttpRequest) -> HttpResponse:
    """Lead from the admin's own sign-in page, which has no limit, to this one and back."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied(
            "Only staff may open the administration. Sign in as a member of staff."
        )
    if isinstance(request.user, User):
        refused = session_rules.find_refusal(request.session, request.user)
        if refused is not None:
            return refuse_session(request, refused)
    return redirect_to_login(request.GET.get("next", "/admin/"))


def _takes_password(user: User) -> bool:
    local = settings.REPRISE.local_sign_in
    return local == "on" or (local == "staff" and user.is_staff)


def _browser(request: HttpRequest, name: str) -> str:
    """Return the id of a browser in which this name has signed in before, "" for any other."""
    found = request.get_signed_cookie(BROWSER, "", salt=_salt(name), max_age=BROWSER_DAYS * 86_400)
    return found or ""


def _salt(name: str) -> str:
    return f"frontend.sign_in.{name}"
