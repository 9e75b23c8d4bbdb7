"""What `Accept` says, as clients write it."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from core.negotiation import preferred_type

EVENTS, OCTETS = "text/event-stream", "application/octet-stream"


def chosen(accept: str | None) -> str:
    headers = {} if accept is None else {"Accept": accept}
    return preferred_type(RequestFactory().get("/", headers=headers), EVENTS, OCTETS)


@pytest.mark.parametrize(
    "accept",
    [
        "application/octet-stream", "APPLICATION/Octet-Stream", " application/octet-stream ",
        "application/octet-stream;charset=utf-8", "application/octet-stream; q=0.1",
        "application/octet-stream ; Q = 0.5 , text/event-stream ; q=0.4",
        "text/event-stream;q=0.4,application/octet-stream;q=0.5", "application/*",
        "application/octet-stream, */*", "application/octet-stream, */*;q=0.8",
        "text/event-stream;q=0, */*", "text/*;q=0.1, */*;q=0.2", "text/html, application/*;q=0.1",
        "application/octet-stream;q=nan", "application/octet-stream;q=7",
        "a/b; c*=nonsense''%41, application/octet-stream",
    ],
)  # fmt: skip
def test_who_prefers_octets_gets_them(accept: str) -> None:
    assert chosen(accept) == OCTETS


@pytest.mark.parametrize(
    "accept",
    [
        None, "", "*/*", "text/event-stream", "Text/Event-Stream", "text/*",
        "application/octet-stream, text/event-stream", "application/octet-stream;q=0",
        "application/octet-stream;q=0.0, */*",
        "application/octet-stream;q=0.9, text/event-stream", "*", "octet-stream", ";;;", ",,",
        "application/octet-stream-v2", "xapplication/octet-stream", "image/png", "application/json",
        "a/b; c*=nonsense''%41",
    ],
)  # fmt: skip
def test_everybody_else_gets_what_is_offered_first(accept: str | None) -> None:
    assert chosen(accept) == EVENTS


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n")))
def test_no_header_is_too_much_for_it(accept: str) -> None:
    assert chosen(accept) in {EVENTS, OCTETS}
