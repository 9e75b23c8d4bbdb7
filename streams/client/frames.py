"""What a server says on a connection, the same on every transport, read from its texts.

An event keeps the bytes that it came as: parsing and writing it again would not give the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from streams.client.errors import BadCursor, BadFrame

# A cursor is the last event that a client has, as `57-5f1c2a9b`, `57`, or this for none.
START = "0"
_CURSOR = re.compile(r"(0|[1-9][0-9]{0,18})(?:-[0-9a-f]{8})?", re.ASCII)
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


def seq_of(cursor: str) -> int:
    """Return the seq that a cursor stands for; BadCursor for any other text."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadCursor(f"Invalid cursor: {cursor}")
    return int(found[1])


def cursor_of(seq: int, hash: str) -> str:
    """Return an event's cursor: its seq and the first 8 hex digits of its hash."""
    return f"{seq}-{hash[:8]}"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One fact about a job. `at` is RFC 3339 in UTC; `raw` is the event exactly as it came.

    A struct, which its decoder makes: a history has many. It has no circle for `gc` to look for.
    """

    seq: int
    type: str
    hash: str
    raw: bytes = msgspec.field(default=b"", name="")  # no member of the JSON: its whole text
    version: int = 1
    at: str = ""
    actor: str = ""
    attempt: int = 0
    step: str | None = None
    target: str | None = None
    data: Mapping[str, Any] | None = None

    @property
    def cursor(self) -> str:
        """Where to come back to after this event: `57-5f1c2a9b`."""
        return cursor_of(self.seq, self.hash)


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame: the protocol's version, the job's head, how often to expect a heartbeat."""

    protocol: int
    head: int
    heartbeat_s: float


@dataclass(frozen=True, slots=True)
class Events:
    """One or more events, contiguous and ascending."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything up to `seq`, the head at some moment after the request, has been sent."""

    seq: int
    head: int


@dataclass(frozen=True, slots=True)
class FellBehind:
    """This follower is slower than its job: it is served from the log again."""

    seq: int
    head: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Silence, but alive."""

    head: int


@dataclass(frozen=True, slots=True)
class End:
    """The terminal event has been sent; the job's status."""

    seq: int
    status: str


@dataclass(frozen=True, slots=True)
class Words:
    """A server's words about why it closes: an `error` frame, a problem document."""

    code: str
    message: str
    retry_after_s: float = 0.0


Frame = Hello | Events | CaughtUp | FellBehind | Heartbeat | End


def parse_frame(text: str) -> Frame | Words | None:
    """Return the frame that a text is, None for an unknown kind; BadFrame for what is no frame."""
    members, events = split_page(text)
    kind = members.get("kind")
    if not isinstance(kind, str):
        raise BadFrame("Not a frame.")
    if kind == "events":
        if not events:
            raise BadFrame("A frame without events.")
        return Events(tuple(events))
    return _make_frame(kind, members)


def parse_named(name: str, text: str) -> Frame | Words | None:
    """Return the frame that a named message of a stream is, None for an unknown name."""
    members, _ = split_page(text)
    return _make_frame("error" if name == "stream-error" else name, members)


def parse_event(text: str) -> Event:
    """Return the event that a text is; BadFrame for any other text."""
    value, end = _parse_value(text, 0)
    if text[end:].strip(_SPACE):
        raise BadFrame("Not an event.")
    return _make_event(value, text)


def error_words(members: Mapping[str, Any]) -> Words | None:
    """Return the words of an `error` frame or a problem document, None if there are none."""
    code = members.get("code")
    if not isinstance(code, str):
        return None
    message = members.get("message") or members.get("detail") or members.get("title") or code
    return Words(code, str(message), parse_seconds(members.get("retry_after_s")))


def parse_seconds(value: object) -> float:
    """Return a JSON member in seconds; 0 if it is no positive number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and value > 0 else 0.0  # type: ignore[operator, arg-type]


def split_page(text: str) -> tuple[dict[str, Any], list[Event]]:
    """Return a JSON object's members, and its member `events` as events with their exact texts.

    BadFrame if the text is no JSON object, or that member no list of events.
    """
    members: dict[str, Any] = {}
    events: list[Event] = []
    at = _expect_sign(text, 0, "{")
    while text[at : at + 1] != "}":
        name, at = _parse_value(text, at)
        at = _expect_sign(text, at, ":")
        if name == "events":
            events, at = _parse_events(text, at)
        elif isinstance(name, str):
            members[name], at = _parse_value(text, at)
        at = _skip_space(text, at)
        if text[at : at + 1] == ",":
            at = _skip_space(text, at + 1)
        elif text[at : at + 1] != "}":
            raise BadFrame("Not a JSON object.")
    return members, events


def _parse_events(text: str, at: int) -> tuple[list[Event], int]:
    found: list[Event] = []
    at = _expect_sign(text, at, "[")
    while text[at : at + 1] != "]":
        value, end = _parse_value(text, at)
        found.append(_make_event(value, text[at:end]))
        if text.startswith(",{", end):  # as the server writes it
            at = end + 1
            continue
        at = _skip_space(text, end)
        if text[at : at + 1] == ",":
            at = _skip_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise BadFrame("Not a list of events.")
    return found, at + 1


def _parse_value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        raise BadFrame("Not JSON.") from None


def _expect_sign(text: str, at: int, sign: str) -> int:
    at = _skip_space(text, at)
    if text[at : at + 1] != sign:
        raise BadFrame(f"Not a frame: {text[:60]!r}")
    return _skip_space(text, at + 1)


def _skip_space(text: str, at: int) -> int:
    while text[at : at + 1] in _SPACE and at < len(text):
        at += 1
    return at


def _make_event(value: Any, text: str) -> Event:
    try:
        get = value.get
        seq, type, hash = get("seq"), get("type"), get("hash")
    except AttributeError:
        raise BadFrame("Not an event.") from None
    if not (isinstance(seq, int) and seq > 0 and isinstance(type, str) and isinstance(hash, str)):
        raise BadFrame("Not an event.")
    return Event(
        seq, type, hash, text.encode(),
        get("version", 1), get("at", ""), get("actor", ""), get("attempt", 0),
        get("step"), get("target"), get("data"),
    )  # fmt: skip


def _make_frame(kind: str, members: Mapping[str, Any]) -> Frame | Words | None:
    if kind == "error":
        found = error_words(members)
        if found is None:
            raise BadFrame("An error without a code.")
        return found
    make = _FRAMES.get(kind)
    try:
        return make(members) if make else None
    except (KeyError, TypeError, ValueError):
        raise BadFrame(f"A {kind} that lacks something.") from None


def _whole_number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


_FRAMES: Mapping[str, Callable[[Mapping[str, Any]], Frame]] = {
    "hello": lambda it: Hello(
        _whole_number(it["protocol"]),
        _whole_number(it["head"]),
        parse_seconds(it.get("heartbeat_s")),
    ),
    "caught_up": lambda it: CaughtUp(_whole_number(it["seq"]), _whole_number(it["head"])),
    "fell_behind": lambda it: FellBehind(_whole_number(it["seq"]), _whole_number(it["head"])),
    "heartbeat": lambda it: Heartbeat(_whole_number(it["head"])),
    "end": lambda it: End(_whole_number(it["seq"]), str(it["status"])),
}
