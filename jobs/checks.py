"""Django's system checks of what an installation has set up.

`manage.py check` and `migrate` report all of it; a start, only an engine that cannot be used.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from core.config import EVERY_KIND
from jobs.kinds import registry
from jobs.queue import dispatch
from jobs.transports import local, sandbox

KINDS = "kinds"
"""The tag of the check of job kinds: `manage.py check --tag kinds`."""

APPROVALS = "approvals"
"""The tag of the check that REPRISE_APPROVALS names kinds that there are."""

ENGINE = "engine"
"""The tag of the check of what `REPRISE_DISPATCH` names."""

LOCAL = "local"
"""The tag of the check of what a worker of this user could do on this machine."""

HINT = "Fix it, uninstall its package, or remove it from REPRISE_KINDS."


@register(KINDS)
def check_kinds(**_: Any) -> list[CheckMessage]:
    """Return an error for each job kind that is named somewhere and cannot be used."""
    return [
        Error(f"The job kind {broken.source} cannot be used: {broken.reason}.", HINT, id=broken.id)
        for broken in registry.broken_kinds()
    ]


@register(APPROVALS)
def check_approvals(**_: Any) -> list[CheckMessage]:
    """Return an error for each kind that REPRISE_APPROVALS names and that there is not."""
    known = {kind.name for kind in registry.all_kinds()} | {EVERY_KIND}
    hint = "Correct the name: jobs of the kind that is meant are not held."
    return [
        Error(f"REPRISE_APPROVALS names {name!r}, which is no job kind.", hint, id="jobs.E004")
        for name in sorted(settings.REPRISE.approvals.keys() - known)
    ]


@register(ENGINE)
def check_engine(**_: Any) -> list[CheckMessage]:
    """Return an error where the queue's engine cannot be imported or made."""
    try:
        dispatch.current_engine()
    except Exception as error:  # noqa: BLE001 - somebody else's class may raise anything
        path = settings.REPRISE.dispatch
        message = f"REPRISE_DISPATCH: {path} cannot be used: {error}"
        return [Error(message, "Name the class of an engine by its dotted path.", id="jobs.E003")]
    return []


@register(LOCAL)
def check_local(**_: Any) -> list[CheckMessage]:
    """Return a warning where local commands would be refused."""
    return [Warning(sandbox.REFUSED, sandbox.HINT, id="jobs.W001")] if local.is_refused() else []
