"""Errors that end a script with one line."""

from __future__ import annotations

from core.errors import RepriseError


class CannotStart(RepriseError):
    """The project cannot be started here; the message is one line that says why and what to do."""

    code = "cannot_start"
