"""The event log: the one door in (`append`) and every way to read.

Together with `jobs.feed` this package holds all SQL on events. Nothing else inserts them, and the
database refuses to change or remove one.
"""

from jobs.log.append import Append, append, append_many
from jobs.log.async_reader import AsyncReader
from jobs.log.hints import group_name
from jobs.log.read import (
    check_cursor,
    printed_characters,
    read,
    read_attempts,
    read_head,
    read_history,
)
from jobs.log.types import Appended, Cursor, Head, LeaseLost, Page, cursor_of

__all__ = [
    "Append",
    "Appended",
    "AsyncReader",
    "Cursor",
    "Head",
    "LeaseLost",
    "Page",
    "append",
    "append_many",
    "check_cursor",
    "cursor_of",
    "group_name",
    "printed_characters",
    "read",
    "read_attempts",
    "read_head",
    "read_history",
]
