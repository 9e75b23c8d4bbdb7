"""From where somebody wants to follow, however they say so."""

from __future__ import annotations

import pytest

from core.errors import BadCursor
from jobs.log import Cursor
from streams.transports.resume import Resume, requested_cursor


@pytest.mark.parametrize(
    "name",
    [
        "lastEventId", "LastEventId", "lasteventid", "LASTEVENTID", "lastEventID", "Last-Event-ID",
        "Last-Event-Id", "last-event-id", "last_event_id", "LAST_EVENT_ID", "evs_last_event_id",
    ],
)  # fmt: skip
def test_a_polyfills_parameter_goes_before_after_and_behind_the_header(name: str) -> None:
    query = {"after": ["5"], name: ["7"], "_": ["123"]}
    assert requested_cursor(None, query) == requested_cursor("", query) == "7"
    assert requested_cursor("9", query) == "9"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "0"),
        ({"after": ["5"], "lastEventId": [""]}, "5"),
        ({"lastEventId": ["3", "4", ""]}, "4"),
        ({"lastEventId": ["3"], "Last-Event-ID": [""]}, "3"),
        ({"after": ["5", "6"]}, "6"),
        ({"after": [""]}, ""),
        ({"lastEvent": ["3"], "eventId": ["4"], "mylastEventId": ["5"]}, "0"),
    ],
)
def test_what_is_empty_or_repeated(query: dict[str, list[str]], text: str) -> None:
    assert requested_cursor(None, query) == text


def test_the_id_of_the_end_is_a_cursor_that_has_ended() -> None:
    assert Resume.parse("57-5f1c2a9b-end") == Resume(Cursor(57, "5f1c2a9b"), ended=True)
    assert Resume.parse("57-end") == Resume(Cursor(57), ended=True)
    assert Resume.parse("57-5f1c2a9b") == Resume(Cursor(57, "5f1c2a9b"))
    for text in ("", "-end", "end", "x-end", "57-end-end", "57-END", "57-5f1c2a9b-ending"):
        with pytest.raises(BadCursor):
            Resume.parse(text)
