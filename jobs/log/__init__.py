"""The event log: the one door in (`append`) and every way to read.

Together with `jobs.feed` this package holds all SQL on events. Nothing else inserts them, and the
database refuses to change or remove one.
"""

from jobs.log.append import Append, append, append_many
from jobs.log.async_reader import AsyncReader
from jobs.log.hints import group
from jobs.log.read import attempts, check_cursor, head, history, read
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
    "attempts",
    "check_cursor",
    "cursor_of",
    "group",
    "head",
    "history",
    "read",
]
