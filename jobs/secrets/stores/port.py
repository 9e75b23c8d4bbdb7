"""What an engine of an outside store has to do."""

from __future__ import annotations

import re
from typing import Protocol

# No option of a program, no way up in a path, nothing that a URL or a terminal reads otherwise.
_REFERENCE = re.compile(r"(?!.*(^|/)\.{1,2}(/|#|$))[A-Za-z0-9_][A-Za-z0-9_. /@:+=#-]{0,499}")


class SecretEngine(Protocol):
    """Fetches values from one store; called from several threads at a time."""

    def fetch(self, reference: str) -> str:
        """Return the value at a reference, within the store's time limit.

        Raises NotInStore, StoreRefused or StoreUnreachable, whose words have no secret in them.
        """


def is_reference(text: str) -> bool:
    """Return whether a text may be given to an engine."""
    return _REFERENCE.fullmatch(text) is not None
