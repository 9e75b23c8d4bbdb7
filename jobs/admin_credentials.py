"""Credentials in Django's admin: a value is written there, and never shown."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from core.errors import InvalidParams
from jobs.admin_base import AnyForm, ForStaff, VisibleNames
from jobs.models import Credential
from jobs.secrets import credentials as values


class HiddenValue(forms.Textarea):
    """A field to write into: what was typed is not shown again, also where it was refused."""

    def format_value(self, value: Any) -> str:
        """Return nothing."""
        return ""


class CredentialForm(AnyForm):
    """A credential by hand; its value is asked for and never shown."""

    value = forms.CharField(
        required=False,
        strip=False,
        widget=HiddenValue(attrs={"autocomplete": "off", "spellcheck": "false", "rows": 6}),
        help_text="It is not shown again. Leave it empty to keep the one that is there.",
    )

    def clean(self) -> dict[str, Any]:
        """Take the value, or the reference, into the credential; its error is the field's."""
        super().clean()
        data, one = self.cleaned_data, cast(Credential, self.instance)
        if self.errors:
            return data
        # Browsers send DOS line ends, whatever was pasted.
        value = data.pop("value", "").replace("\r\n", "\n")
        one.type = data.get("type", one.type)
        self.has_new_value = bool(value or data["store"])
        try:
            values.check_name(data["name"])
            if value or not (one.ciphertext or data["store"]):
                values.set_value(one, value)
                data["store"] = data["reference"] = ""
            elif data["store"]:
                values.set_reference(one, data["store"], data["reference"])
        except InvalidParams as error:
            self.add_error(error.errors[0]["pointer"].strip("/"), error.errors[0]["detail"])
        return data


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
