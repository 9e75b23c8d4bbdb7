"""Credentials in Django's admin: a value is written there, and never shown."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from jobs.admin_base import ForStaff, VisibleNames
from jobs.forms.credentials import CredentialForm
from jobs.models import Credential
from jobs.secrets import credentials as values


@method_decorator(sensitive_post_parameters("value"), "changeform_view")
class CredentialAdmin(ForStaff, VisibleNames):
    form = CredentialForm
    fields = ("name", "type", "description", "team", "users", "value", "store", "reference")
    list_display = ("name", "type", "team", "store", "changed_at", "last_used_at")
    list_filter = ("type", "team")
    search_fields = ("name", "description")
    filter_horizontal = ("users",)

    def save_model(
        self, request: HttpRequest, obj: Credential, form: CredentialForm, change: bool
    ) -> None:
        """Write what the form has; an old ciphertext must not overwrite one of a newer key."""
        if not change:
            return super().save_model(request, obj, form, change)
        written = values.VALUE_FIELDS if form.has_new_value else ()
        obj.save(update_fields=["name", "description", "team", *written])

    def get_readonly_fields(self, request: HttpRequest, obj: Credential | None = None) -> Any:
        """Return what stays: a value fits the type that it was made for."""
        return ("type",) if obj else ()
