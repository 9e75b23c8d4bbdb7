"""Errors go to Sentry, or what speaks its protocol, where REPRISE_SENTRY_DSN is set.

An error is what is logged as one, or caught by nobody. Of it go the message, the class, and the
calls with their source lines: no variables, requests or lines before it. Every text is masked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from core.log_context import current_fields
from core.version import running_version

if TYPE_CHECKING:
    from sentry_sdk.types import Event

MISSING = "REPRISE_SENTRY_DSN needs Sentry's SDK: install reprise[watch]."

Mask = Callable[[str], str]


def start_reports(process: str, dsn: str, mask: Mask) -> None:
    """Report errors from here on; SystemExit without the SDK.

    The standard variables (`SENTRY_ENVIRONMENT`, `SENTRY_RELEASE`) say the rest.
    """
    try:
        import sentry_sdk
        from sentry_sdk.integrations.atexit import AtexitIntegration
        from sentry_sdk.integrations.dedupe import DedupeIntegration
        from sentry_sdk.integrations.excepthook import ExcepthookIntegration
        from sentry_sdk.integrations.logging import LoggingIntegration
        from sentry_sdk.integrations.threading import ThreadingIntegration
    except ImportError:
        raise SystemExit(MISSING) from None
    sentry_sdk.init(
        dsn,
        release=f"reprise@{running_version()}",
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(),
            ExcepthookIntegration(),
            ThreadingIntegration(),
            DedupeIntegration(),
            AtexitIntegration(lambda _pending, _seconds: None),
        ],
        include_local_variables=False,
        max_breadcrumbs=0,
        send_default_pii=False,
        before_send=partial(_prepare_event, process, mask),
    )


def _prepare_event(process: str, mask: Mask, event: Event, _hint: Any) -> Event:
    """Return the event with what it belongs to, masked."""
    belongs = {name: str(value) for name, value in current_fields().items()}
    tags = {**(event.get("tags") or {}), "process": process, **belongs}
    masked: Event = _mask_values({**event, "tags": tags}, mask)
    return masked


def _mask_values(value: Any, mask: Mask) -> Any:
    match value:
        case str():
            return mask(value)
        case dict():
            return {name: _mask_values(one, mask) for name, one in value.items()}
        case list() | tuple():
            return [_mask_values(one, mask) for one in value]
    return value
