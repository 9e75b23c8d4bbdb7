"""Types of the API's fields whose rule is the same wherever they stand."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from core.clock import OutOfRange, read_moment
from core.errors import storable_text
from core.ids import parse_id
from core.problems import UNUSABLE


def _read_id(value: Any) -> UUID:
    try:
        return parse_id(value)
    except (TypeError, ValueError) as error:
        raise PydanticCustomError("job_id", "A job's id has 32 hex digits.") from error


def _read_moment(value: Any, *, needs_offset: bool) -> datetime:
    try:
        return read_moment(value, needs_offset=needs_offset)
    except OutOfRange as error:
        raise PydanticCustomError(UNUSABLE, "It is not within the years 1 to 9999.") from error
    except (AttributeError, ValueError) as error:
        raise PydanticCustomError(
            "moment", "Use RFC 3339, for example 2026-11-22T09:00:00Z."
        ) from error


def is_key(text: str) -> bool:
    """Return whether a text can be the key of a row.

    Past 18 digits it could not be one of the table, only an error of its driver.
    """
    return text.isascii() and text.isdigit() and len(text) <= 18


# Postgres' text takes no NUL, so none may reach a query.
Text = Annotated[str, Field(max_length=200), AfterValidator(storable_text)]
# A label's name has up to 63 characters, its value up to 200.
LabelText = Annotated[str, Field(max_length=264), AfterValidator(storable_text)]
JobId = Annotated[UUID, BeforeValidator(_read_id)]
Moment = Annotated[datetime, BeforeValidator(partial(_read_moment, needs_offset=False))]
# Of what starts later: which nine o'clock is meant, has to be said.
ExactMoment = Annotated[datetime, BeforeValidator(partial(_read_moment, needs_offset=True))]
