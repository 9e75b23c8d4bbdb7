"""What a password may not be, besides what Django refuses."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django.core.exceptions import ValidationError

_PRODUCT = "reprise"


class NoProductName:
    """Refuses passwords that are little more than this product's name, which guesses begin with."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError if too little is left without the name, digits and signs."""
        left = re.sub(r"[\W\d_]", "", password.casefold().replace(_PRODUCT, ""))
        if _PRODUCT in password.casefold() and len(left) < len(_PRODUCT):
            raise ValidationError(self.get_help_text(), code="product_name")

    def get_help_text(self) -> str:
        """Return the rule as people read it."""
        return "Your password must not be the name Reprise with a few characters more."


class NotRefused:
    """Refuses the passwords of a file, a line each, in whatever case: breached ones, own words."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError if the file has this password."""
        if password.strip().casefold() in _read_lines(self._path):
            raise ValidationError(self.get_help_text(), code="refused")

    def get_help_text(self) -> str:
        """Return the rule as people read it."""
        return "Your password must not be on the list of those that nobody may use here."


@cache
def _read_lines(path: Path) -> frozenset[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return frozenset(line.strip().casefold() for line in lines)
