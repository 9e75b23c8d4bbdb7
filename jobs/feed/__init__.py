"""The feed of all jobs: every event in one order, who consumes it, and the audit over it."""

from jobs.feed.export import export_rows
from jobs.feed.read import (
    PAGE_EVENTS,
    AuditFilter,
    AuditRow,
    FeedEvent,
    FeedPage,
    LeftOut,
    MissingEvents,
    feed_end,
    read_audit,
    read_feed,
)
from jobs.feed.sequencer import lag_seconds, sequence_events

__all__ = [
    "PAGE_EVENTS",
    "AuditFilter",
    "AuditRow",
    "FeedEvent",
    "FeedPage",
    "LeftOut",
    "MissingEvents",
    "export_rows",
    "feed_end",
    "lag_seconds",
    "read_audit",
    "read_feed",
    "sequence_events",
]
