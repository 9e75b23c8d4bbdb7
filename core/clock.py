"""Time as the wire writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return this process's wall clock in UTC. Events take the database's clock instead."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Return an aware moment as RFC 3339 in UTC with microseconds (`…T09:00:00.123456Z`)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> datetime:
    """Return the aware moment that an RFC 3339 text names; ValueError where it names none."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
