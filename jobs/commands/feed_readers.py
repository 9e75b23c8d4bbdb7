"""Pause the readers of the feed, webhooks among them, and let them go on. For staff."""

from __future__ import annotations

from django.db import transaction

from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.feed import consumers
from jobs.system_log.stream import record_upkeep


def switch_consumer(principal: Principal, name: str, *, on: bool) -> None:
    """Let a consumer read on from where it is, or pause it. Raises Forbidden, NotFound."""
    visibility.require_staff(principal)
    with transaction.atomic():
        consumers.set_enabled([name], on=on)
        record_upkeep("consumers", f"Consumer {name} was {'resumed' if on else 'paused'}.")
