"""A column for JSON that comes back exactly as it was put in."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.fields import InvalidJSONInput
from psycopg.types.json import Json

from core.errors import BadRequest
from jobs.events import strict_json

# Generic in the stubs only, not at run time.
if TYPE_CHECKING:
    AnyJSONField = models.JSONField[Any, Any]
else:
    AnyJSONField = models.JSONField

_dumps = partial(json.dumps, ensure_ascii=False, allow_nan=False)


class ExactJSONFormField(forms.JSONField):
    """A form's field for JSON that somebody writes: refused where it could not be kept exactly."""

    def to_python(self, value: Any) -> Any:
        """Return the JSON value of a text; an empty one is an empty object."""
        if not isinstance(value, str):
            return value
        try:
            return strict_json.loads_written(value) if value.strip() else {}
        except BadRequest as error:
            raise ValidationError(error.message, code="invalid") from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what is shown again: the text as it was written."""
        return initial if self.disabled else InvalidJSONInput(data or "")


class ExactJSONField(AnyJSONField):
    """A JSON object in a column of the type `json`, which keeps the text that was stored.

    `jsonb` would write 1e22 with all its digits, which reads as an integer past 64 bits, drop the
    sign of -0.0 and give members another order.
    """

    def db_type(self, connection: Any) -> str:
        """Return Postgres' type."""
        return "json"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return a value for psycopg, which writes it as text."""
        return None if value is None else Json(value, dumps=_dumps)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return the value: psycopg has parsed the text."""
        return value
