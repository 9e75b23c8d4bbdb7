"""Events: their types, the text that is stored, hashed and sent, and the fold of them. Pure."""

from core.records.chain import first_hash, link_hash, next_hash, split_hash, with_hash
from core.records.texts import one_line
from jobs.events.event import (
    MAX_BODY_BYTES,
    REPLACEMENT,
    Event,
    EventType,
    NewerEvent,
    NewEvent,
    clean,
    is_quiet,
    is_storable,
    make_body,
    parse,
    parse_stored,
)

__all__ = [
    "MAX_BODY_BYTES",
    "REPLACEMENT",
    "Event",
    "EventType",
    "NewEvent",
    "NewerEvent",
    "clean",
    "first_hash",
    "is_quiet",
    "is_storable",
    "link_hash",
    "make_body",
    "next_hash",
    "one_line",
    "parse",
    "parse_stored",
    "split_hash",
    "with_hash",
]
