"""Django's system checks of what an installation has set up: `manage.py check`, and every start."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from jobs.kinds import registry

KINDS = "kinds"
"""The tag of the check that concerns a process without pages."""

HINT = "Mend it, uninstall its package, or take it out of REPRISE_KINDS."


@register(KINDS)
def check_kinds(**_: Any) -> list[CheckMessage]:
    """Return an error for each job kind that is named somewhere and cannot be used."""
    return [
        Error(f"The job kind {broken.source} cannot be used: {broken.reason}.", HINT, id=broken.id)
        for broken in registry.broken()
    ]
