"""Form fields that read what somebody writes by the same rules as the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from core.clock import OutOfRange, read_moment
from core.ids import parse_id


class JobIdField(forms.CharField):
    """A job's id."""

    def clean(self, value: Any) -> UUID | None:
        """Return the id, None for an empty field. Raises ValidationError."""
        text = super().clean(value)
        try:
            return parse_id(text) if text else None
        except ValueError as error:
            raise ValidationError("Enter a job's id: 32 hex digits.") from error


class MomentField(forms.CharField):
    """A date, or a date and a time: UTC unless it says otherwise."""

    def clean(self, value: Any) -> datetime | None:
        """Return the moment in UTC, None for an empty field. Raises ValidationError."""
        text = super().clean(value)
        try:
            return read_moment(text) if text else None
        except OutOfRange as error:
            raise ValidationError("Enter a date within the years 1 to 9999.") from error
        except ValueError as error:
            raise ValidationError("Enter a date, or a date and a time.") from error
