"""The feed of all jobs: every event in one order, who consumes it, and the audit over it."""

from jobs.feed.read import (
    PAGE_EVENTS,
    AuditFilter,
    AuditRow,
    FeedEvent,
    FeedPage,
    LeftOut,
    MissingEvents,
    audit,
    end,
    lag_seconds,
    read_feed,
    sequence,
)

__all__ = [
    "PAGE_EVENTS",
    "AuditFilter",
    "AuditRow",
    "FeedEvent",
    "FeedPage",
    "LeftOut",
    "MissingEvents",
    "audit",
    "end",
    "lag_seconds",
    "read_feed",
    "sequence",
]
