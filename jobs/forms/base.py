"""What these forms share: lines of text are visible, and an object that is of no use is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model

from core.terminal import hidden_words

# Generic in the stubs only, not at run time.
if TYPE_CHECKING:
    AnyForm = forms.ModelForm[Any]
else:
    AnyForm = forms.ModelForm


def check_visible(text: str) -> None:
    """Raise ValidationError for a line of text with characters that are not visible."""
    if words := hidden_words(text):
        raise ValidationError(words)


class VisibleForm(AnyForm):
    """A form of an object whose lines of text have no characters that are not visible."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # The very class: JSON and values of credentials have checks of their own.
            is_line = type(field) is forms.CharField and not isinstance(
                field.widget, forms.Textarea
            )
            if is_line and check_visible not in field.validators:
                field.validators = [*field.validators, check_visible]


class CheckedForm(VisibleForm):
    """A form of an object that the domain refuses where it would be of no use."""

    def clean(self) -> dict[str, Any]:
        """Add an error to the field that makes the object useless."""
        super().clean()
        if not self.errors and (wrong := self.find_problem(self._wanted())):
            self.add_error(*wrong)
        return self.cleaned_data

    def find_problem(self, wanted: Any) -> tuple[str, str] | None:
        """Return the field that makes an object useless and why, None if there is none."""
        raise NotImplementedError

    def _wanted(self) -> Model:
        """Return the object that the form describes, not stored."""
        model = cast(type[Model], self._meta.model)
        names = {field.name for field in model._meta.concrete_fields}
        return model(**{name: self.cleaned_data[name] for name in names & self.cleaned_data.keys()})
