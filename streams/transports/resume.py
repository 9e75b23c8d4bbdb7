"""From where somebody wants to follow: one rule for every transport.

The `Last-Event-ID` header goes first. An `EventSource` polyfill that may not set headers sends the
same in the query, each under a name of its own: `lastEventId` (Yaffle's), `evs_last_event_id`
(amvtek's), `Last-Event-ID`, `last_event_id` and so on. Such a name, in any spelling, goes before
`after`: a polyfill adds it to the address that the page has given it, `after` included, and if it
counted for nothing a job that is over would be sent again and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.log import Cursor

END = "-end"
_NAMES = frozenset({"lasteventid", "evslasteventid"})

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Resume:
    """A cursor as it was asked for; `ended`: it is the id of `end`, so there is nothing to come."""

    cursor: Cursor
    ended: bool = False

    @classmethod
    def parse(cls, text: str) -> Resume:
        """Return what `57`, `57-5f1c2a9b` or either with `-end` says; BadCursor for any other."""
        return cls(Cursor.parse(text.removesuffix(END)), text.endswith(END))


def last_event_id(query: Query) -> str:
    """Return the last id in a query that is not empty, "" if there is none."""
    found = [
        value
        for name, values in query.items()
        if name.lower().replace("-", "").replace("_", "") in _NAMES
        for value in values
        if value
    ]
    return found[-1] if found else ""


def requested_cursor(header: str | None, query: Query) -> str:
    """Return the cursor that a request names, as it is written; `0` where it names none."""
    after = query.get("after", ())
    return header or last_event_id(query) or (after[-1] if after else "0")
