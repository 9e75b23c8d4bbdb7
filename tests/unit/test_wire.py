"""Frames and messages: what stands around the events, and that they go through untouched."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from core.errors import HistoryExpired, OverLimit
from jobs.events import Event, first_hash, make_body, next_hash, with_hash
from jobs.log import cursor_of
from streams import wire

JOB = UUID("019a4c1e-0000-7000-8000-000000000001")


def texts(count: int, output: str = "ok") -> list[str]:
    found: list[str] = []
    before = first_hash(JOB)
    for seq in range(1, count + 1):
        event = Event(seq, "step.output", 1, "2026-11-22T09:00:00.000000Z", "worker:w", 1, "s",
                      "gs-1", {"text": output, "stream": "out"})  # fmt: skip
        body, raw = make_body(event)
        before = next_hash(before, raw)
        found.append(with_hash(body, before))
    return found


HOSTILE = 'é\u2028\r\nevent: end\n\ndata: x"}]}'


def parse_sse(stream: bytes) -> list[dict[str, str]]:
    """Return the messages of a stream, by the HTML standard's rules (no comments, LF only)."""
    messages = []
    for block in stream.decode().split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
        if "data" in fields:
            messages.append(fields)
    return messages


def test_an_events_frame_is_json_that_has_the_stored_texts() -> None:
    stored = texts(3, HOSTILE)
    frame = wire.websocket_frame(wire.Events.of(0, stored))
    assert json.loads(frame) == {"kind": "events", "events": [json.loads(text) for text in stored]}
    assert all(text in frame for text in stored)


def test_every_event_is_one_message_with_its_cursor_as_id() -> None:
    stored = texts(3, HOSTILE)
    messages = parse_sse(wire.sse_text(wire.Events.of(0, stored)))
    assert [message["data"] for message in messages] == stored
    assert [message["id"] for message in messages] == [cursor_of(text) for text in stored]
    assert all(message.keys() == {"id", "data"} for message in messages)


def test_ndjson_has_a_line_an_event() -> None:
    stored = texts(3, HOSTILE)
    assert wire.Events.of(0, stored).ndjson.decode() == "".join(text + "\n" for text in stored)


@pytest.mark.parametrize("form", ["websocket", "sse", "ndjson"])
def test_a_batch_is_encoded_once(form: str) -> None:
    batch = wire.Events.of(0, texts(3))
    assert getattr(batch, form) is getattr(batch, form)


@pytest.mark.parametrize(
    ("item", "frame", "event", "id"),
    [
        (
            wire.Hello(JOB, "57-5f1c2a9b", 60, 15.0),
            {"kind": "hello", "protocol": 1, "job": str(JOB), "after": "57-5f1c2a9b",
             "head": 60, "heartbeat_s": 15},
            "hello", "57-5f1c2a9b",
        ),
        (wire.CaughtUp(5, 6), {"kind": "caught_up", "seq": 5, "head": 6}, "caught_up", None),
        (wire.FellBehind(5, 9), {"kind": "fell_behind", "seq": 5, "head": 9}, "fell_behind", None),
        (
            wire.Heartbeat(6, "2026-11-22T09:00:00.000000Z"),
            {"kind": "heartbeat", "head": 6, "at": "2026-11-22T09:00:00.000000Z"},
            "heartbeat", None,
        ),
        (
            wire.End(6, "succeeded", "5f1c2a9b"),
            {"kind": "end", "seq": 6, "status": "succeeded"}, "end", "6-5f1c2a9b-end",
        ),
        (
            wire.Refusal(HistoryExpired("gone", first_available=7)),
            {"kind": "error", "code": "history_expired", "message": "gone", "first_available": 7,
             "retry_after_s": None},
            "stream-error", None,
        ),
        (
            wire.Refusal(OverLimit("busy", retry_after_s=2.5)),
            {"kind": "error", "code": "over_limit", "message": "busy", "retry_after_s": 2.5},
            "stream-error", None,
        ),
    ],
)  # fmt: skip
def test_a_control_item_is_the_same_object_on_both_transports(
    item: wire.Item, frame: dict[str, object], event: str, id: str | None
) -> None:
    text = wire.websocket_frame(item)
    assert json.loads(text) == frame
    assert text.startswith('{"kind":"')
    [message] = parse_sse(wire.sse_text(item))
    assert json.loads(message["data"]) == frame
    assert message["event"] == event
    assert message.get("id") == id


def test_a_refusal_says_in_the_stream_when_to_come_back() -> None:
    [message] = parse_sse(wire.sse_text(wire.Refusal(OverLimit(retry_after_s=2.5))))
    assert message["retry"] == "2500"


def test_the_first_message_begins_with_two_kilobytes_that_mean_nothing() -> None:
    comment, retry, *rest = wire.sse_preface().split(b"\n")
    assert len(comment) >= 2048
    assert comment.startswith(b":")
    assert retry == b"retry: 1000"
    assert rest == [b""]


def test_an_envelope_has_the_stored_texts_and_where_to_go_on() -> None:
    stored = texts(2, HOSTILE)
    body = wire.page_json(
        JOB, stored, after="0", next=cursor_of(stored[1]), head=2, status="running", end=False
    )
    assert json.loads(body) == {
        "job": str(JOB), "events": [json.loads(text) for text in stored], "after": "0",
        "next": cursor_of(stored[1]), "head": 2, "status": "running", "end": False,
    }  # fmt: skip
    assert all(text.encode() in body for text in stored)


def test_a_type_is_read_without_parsing() -> None:
    assert wire.type_of(texts(1, '"type":"job.failed"')[0]) == "step.output"


def test_a_size_is_that_of_utf8() -> None:
    assert wire.utf8_size("abc") == 3
    assert wire.utf8_size("é€") == 5
