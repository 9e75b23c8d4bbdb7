"""Signing in and out: Django's views in this project's frame and words."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView


class SignInForm(AuthenticationForm):
    """Django's form with sentences that say what to do next."""

    error_messages = {
        "invalid_login": "That user name and password do not fit together. "
        "Check both; capitals count.",
        "inactive": "This account is switched off. Ask whoever runs this Reprise.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].error_messages["required"] = "Write your user name."
        self.fields["password"].error_messages["required"] = "Write your password."


class SignIn(LoginView):
    """`/sign-in`; `next` is kept, and followed where it stays on this host."""

    template_name = "frontend/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """`/sign-out`, by POST only; leads to the sign-in page."""
