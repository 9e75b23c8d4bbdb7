"""The form of a credential: a value is written there, and never shown."""

from __future__ import annotations

from typing import Any, cast

from django import forms

from core.errors import InvalidParams
from jobs.forms.base import VisibleForm
from jobs.models import Credential
from jobs.secrets import credentials as values


class HiddenValue(forms.Textarea):
    """A field to write into: what was typed is not shown again, also where it was refused."""

    def format_value(self, value: Any) -> str:
        """Return nothing."""
        return ""


class CredentialForm(VisibleForm):
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
