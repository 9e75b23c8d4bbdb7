"""Bodies: what is JSON, what is not, and what is made of the doubtful."""

from __future__ import annotations

import contextlib
import json
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadRequest
from jobs.api.main import StrictParser


def parse(body: bytes) -> Any:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    return StrictParser().parse_body(WSGIRequest(environ))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "Expecting property name"),
        (b"", "Expecting value"),
        (b"NaN", "NaN is not a JSON number"),
        (b'{"a":-Infinity}', "-Infinity is not a JSON number"),
        (b"1e999", "a number is too large"),
        (b"9" * 5000, "not JSON"),
        (b"9223372036854775808", "64 bits"),
        (b"\xff\xfe\xff", "not"),
        (b'"\xe9"', "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b"[" * 70 + b"]" * 70, "nested 64 deep"),
        (b'{"a":1} x', "Extra data"),
    ],
)
def test_it_refuses_what_is_not_json(body: bytes, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        parse(body)


def test_it_replaces_what_no_log_can_hold() -> None:
    assert parse(b'{"a\\u0000":"b\\ud800","c":[-9223372036854775808]}') == {
        "a�": "b�",
        "c": [-(2**63)],
    }


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_it_returns_what_was_sent(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_no_bytes_crash_it(body: bytes) -> None:
    with contextlib.suppress(BadRequest):
        parse(body)
