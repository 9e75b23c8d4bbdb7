"""Changing one's own password: Django's view in this project's frame and words."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BooleanField
from django.http import HttpResponse

from core.errors import OverLimit
from core.proxies import client_address
from jobs.access import throttle, tokens
from jobs.models import ApiToken


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
