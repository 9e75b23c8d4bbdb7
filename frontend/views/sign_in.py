"""Signing in and out, and changing one's own password, with a limit on attempts.

Django's views in this project's frame and words.
"""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.forms import BooleanField
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

from core.errors import OverLimit
from core.proxies import client_address
from jobs.access import throttle, tokens
from jobs.access.throttle import Attempt
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
            except ValidationError:
                attempt.failed()
                raise
            attempt.succeeded()
        return self.cleaned_data

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

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, and know this browser again."""
        response = super().form_valid(form)
        browser = cast(SignInForm, form).browser or get_random_string(22)
        response.set_signed_cookie(
            BROWSER, browser, salt=_salt(form.get_user().get_username()),
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
    """`/sign-out`, by POST only; leads to the sign-in page."""


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
            return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the template shows."""
        return super().get_context_data(changed="changed" in self.request.GET, **kwargs)


def staff(request: HttpRequest) -> HttpResponse:
    """Lead from the admin's own sign-in page, which has no limit, to this one and back."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied(
            "Only staff may open the administration. Sign in as a member of staff."
        )
    return redirect_to_login(request.GET.get("next", "/admin/"))


def _browser(request: HttpRequest, name: str) -> str:
    """Return the id of a browser in which this name has signed in before, "" for any other."""
    found = request.get_signed_cookie(BROWSER, "", salt=_salt(name), max_age=BROWSER_DAYS * 86_400)
    return found or ""


def _salt(name: str) -> str:
    return f"frontend.sign_in.{name}"
