"""The event's text: what is stored, hashed and sent, whatever anybody puts into it."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadRequest, EventTooLarge
from core.ids import uuid7, uuid7_time
from jobs.events import Event, first_hash, make_body, next_hash, parse, split_hash, with_hash
from jobs.log import cursor_of

JOB = UUID("01a202cf-4542-77cb-a3c8-c54ec4fba3e2")

texts = st.text(st.characters(codec=None, categories=("L", "N", "P", "S", "Z", "C", "Cs")))
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def event(data: Any, **fields: Any) -> Event:
    known: dict[str, Any] = {
        "seq": 12, "type": "step.output", "version": 1, "at": "2026-11-22T09:00:00.123456Z",
        "actor": "worker:host/8", "attempt": 1, "step": None, "target": None,
    }  # fmt: skip
    return Event(**(known | fields), data=data)


def test_the_text_is_the_protocols_letter_by_letter() -> None:
    body, raw = make_body(
        event({"seconds": 1.84}, type="step.succeeded", step="restart", target="gs-007")
    )
    digest = next_hash(first_hash(JOB), raw)
    assert body == (
        '{"seq":12,"type":"step.succeeded","version":1,"at":"2026-11-22T09:00:00.123456Z",'
        '"actor":"worker:host/8","attempt":1,"step":"restart","target":"gs-007",'
        '"data":{"seconds":1.84}}'
    )
    assert digest == hashlib.sha256(hashlib.sha256(JOB.bytes).digest() + body.encode()).digest()
    text = with_hash(body, digest)
    assert text == f'{body[:-1]},"hash":"{digest.hex()}"}}'
    assert split_hash(text) == (body, digest.hex())
    assert cursor_of(text) == f"12-{digest.hex()[:8]}"


@given(st.dictionaries(texts, values, max_size=4))
def test_whatever_json_goes_in_comes_out_as_utf8_on_one_line(data: dict[str, Any]) -> None:
    body, raw = make_body(event(data))
    text = with_hash(body, next_hash(bytes(32), raw))
    assert text.splitlines() == [text]
    assert "\x00" not in json.dumps(json.loads(body), ensure_ascii=False)
    assert raw.decode() == body
    assert parse(text).data == json.loads(body)["data"]


@given(st.text(st.sampled_from('a\\"\n\r\v\f\x1c\x1d\x1e\x7f\x85\u2028\u2029\ud800'), min_size=1))
def test_no_reader_finds_a_second_line_in_an_event(text: str) -> None:
    body, raw = make_body(event({text: [text]}, step=text, target=text, actor=text))
    assert body.splitlines() == [body]
    assert raw.splitlines() == [raw]
    reported = text.replace("\ud800", "\ufffd")
    found = parse(with_hash(body, bytes(32)))
    assert (found.data, found.step, found.target) == ({reported: [reported]}, reported, reported)


def test_line_breaks_of_unicode_are_escaped_as_control_characters_are() -> None:
    body, _ = make_body(event({"text": "a\x85b\u2028c\u2029d\x1c"}))
    assert body.endswith(r'{"text":"a\u0085b\u2028c\u2029d\u001c"}}')


def test_what_cannot_be_said_in_unicode_is_replaced() -> None:
    body, _ = make_body(event({"te\x00xt": "a\x00b\ud83dc🎮"}))
    assert json.loads(body)["data"] == {"te�xt": "a�b�c🎮"}


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "data",
    [
        {"x": float("nan")}, {"x": float("inf")}, {"x": object()}, {"x": {1, 2}},
        {"x": nested(65)}, {"x": nested(5000)}, {"x": [2**63] * 70, "y": [[]] * 70},
    ],
)  # fmt: skip
def test_what_json_cannot_carry_is_refused(data: Any) -> None:
    with pytest.raises(BadRequest):
        make_body(event(data))


def test_an_integer_past_64_bits_is_refused() -> None:
    with pytest.raises(BadRequest):
        make_body(event({"x": 2**63}))


def test_64_kib_are_the_limit() -> None:
    room = 64 * 1024 - len(make_body(event({"t": ""}))[1])
    assert len(make_body(event({"t": "x" * room}))[1]) == 64 * 1024
    with pytest.raises(EventTooLarge):
        make_body(event({"t": "x" * (room + 1)}))


def test_ids_ascend_and_carry_their_time() -> None:
    ids = [uuid7() for _ in range(2000)]
    assert ids == sorted(set(ids))
    assert {each.version for each in ids} == {7}
    assert uuid7_time(ids[0]) <= uuid7_time(ids[-1])
