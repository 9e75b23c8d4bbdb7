"""What a follower gets, item by item, and how each transport writes it.

An event is never encoded here: its stored text goes out as it is, and only what stands around it
is made. A batch keeps what it was written as, so that all its followers share one encoding.

No Django in here: what is on the wire depends on nothing but the events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from core.errors import RepriseError
from jobs.events import next_hash, split_hash

PROTOCOL = 1
RETRY_MS = 1000
# What a WebSocket's frame of a job's events begins with, unlike one of summaries.
JOB_EVENTS = '{"kind":"events","events":[{"seq":'
# Proxies that inspect content let nothing go before they have seen this much. It ends like what
# follows, for a compressed stream's first events to refer to, but names nothing that may be there.
_LIKE_EVENTS = (
    'id: 1-01234567 data: {"seq":1,"type":"step.","version":1,"at":"2026-01-01T00:00:00.000000Z",'
    '"actor":"worker:","attempt":1,"step":"","target":"","data":{"text":"","stream":"out"},'
    '"hash":"0123456789abcdef"}'
)
PADDING = f": {_LIKE_EVENTS.rjust(2048, '.')}\n".encode()


@dataclass(frozen=True, slots=True)
class Hello:
    """The first item: the job, the cursor from which it is followed, its head, the heartbeat.

    Of the feed of all jobs: no job, and positions.
    """

    job: UUID | None
    after: str
    head: int
    heartbeat_s: float


@dataclass
class Events:
    """The events after seq `after` to seq `last`, contiguous and ascending; one or more.

    `lines` has their stored texts, joined by newlines: a text never holds one, and a frame is made
    of thousands of events without touching a single one.
    """

    after: int
    last: int
    lines: str
    _before: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, after: int, texts: Sequence[str]) -> Events:
        """Return the events that have these texts."""
        return cls(after, after + len(texts), "\n".join(texts))

    def __len__(self) -> int:
        return self.last - self.after

    @property
    def texts(self) -> list[str]:
        """The single events' texts."""
        return self.lines.split("\n")

    @property
    def hash8(self) -> str:
        """The first 8 hex digits of the last one's hash."""
        return hash_prefix(self.lines)

    @property
    def hash(self) -> str:
        """The last one's hash."""
        return hash_of(self.lines)

    def continues(self, before: str) -> bool:
        """Return whether the first of them comes after the event with this hash in the chain."""
        if before != self._before:
            if not is_chained(before, self.lines.partition("\n")[0]):
                return False
            self._before = before
        return True

    @cached_property
    def at(self) -> float:
        """When the first of them was appended, in seconds since the epoch."""
        return datetime.fromisoformat(event_moment(self.lines)).timestamp()

    @cached_property
    def websocket(self) -> str:
        """The `events` frame."""
        listed = self.lines.replace("\n", ",")
        return f'{{"kind":"events","events":[{listed}]}}'

    @cached_property
    def size(self) -> int:
        """The length of the `events` frame in UTF-8."""
        return utf8_size(self.websocket)

    @cached_property
    def sse(self) -> bytes:
        """One unnamed message an event, its cursor as the id."""
        return "".join(
            f"id: {seq}-{hash_prefix(text)}\ndata: {text}\n\n"
            for seq, text in enumerate(self.texts, self.after + 1)
        ).encode()

    @cached_property
    def ndjson(self) -> bytes:
        """One line an event."""
        return f"{self.lines}\n".encode()


@dataclass
class Summaries:
    """How jobs stand that have moved in the feed after position `after` and up to `last`.

    There may be none for who follows: then only the cursor moves.
    """

    after: int
    last: int
    texts: Sequence[str]

    @cached_property
    def websocket(self) -> str:
        """The `events` frame."""
        return '{"kind":"events","events":[' + ",".join(self.texts) + "]}"


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The head at some moment after the request has been sent."""

    seq: int
    head: int


@dataclass(frozen=True, slots=True)
class FellBehind:
    """The follower is slower than the job: it is served from the log again."""

    seq: int
    head: int


@dataclass
class Heartbeat:
    """Nothing else was sent for a while; `at` is this process's clock (RFC 3339)."""

    head: int
    at: str

    @cached_property
    def websocket(self) -> str:
        """The frame."""
        return _dump_json(_frame_members(self))


@dataclass(frozen=True, slots=True)
class End:
    """The terminal event has been sent; nothing follows. `hash8` is the terminal event's."""

    seq: int
    status: str
    hash8: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the follower gets nothing, or nothing more."""

    error: RepriseError


Item = Hello | Events | CaughtUp | FellBehind | Heartbeat | End | Refusal
FeedItem = Hello | Summaries | CaughtUp | FellBehind | Heartbeat

_NAMES = {
    Hello: "hello",
    CaughtUp: "caught_up",
    FellBehind: "fell_behind",
    Heartbeat: "heartbeat",
    End: "end",
    Refusal: "stream-error",  # an EventSource has an `error` of its own
}


def hash_prefix(text: str) -> str:
    """Return the first 8 hex digits of the hash that ends every stored text."""
    return text[-66:-58]


def hash_of(text: str) -> str:
    """Return the hash that ends every stored text: 64 hex digits."""
    return text[-66:-2]


def is_chained(before: str, text: str) -> bool:
    """Return whether a stored text is what its hash says, after the event with hash `before`."""
    body, found = split_hash(text)
    return next_hash(bytes.fromhex(before), body.encode()).hex() == found


def type_of(text: str) -> str:
    """Return an event's type from its stored text (`{"seq":12,"type":"step.output",…`)."""
    start = text.index('"type":"') + 8
    return text[start : text.index('"', start)]


def event_moment(text: str) -> str:
    """Return an event's moment (RFC 3339) from its stored text (`…,"version":1,"at":"2026-…`)."""
    start = text.index('"at":"') + 6
    return text[start : text.index('"', start)]


def utf8_size(text: str) -> int:
    """Return a text's length in UTF-8; free of cost for ASCII."""
    return len(text) if text.isascii() else len(text.encode())


def utf8_sizes(texts: Iterable[str]) -> list[int]:
    """Return the texts' lengths in UTF-8."""
    return [len(text) if text.isascii() else len(text.encode()) for text in texts]


def websocket_frame(item: Item | FeedItem) -> str:
    """Return the text frame that an item is on a WebSocket."""
    if isinstance(item, Events | Summaries | Heartbeat):
        return item.websocket
    return _dump_json(_frame_members(item))


def sse_text(item: Item) -> bytes:
    """Return the message, or for events the messages, that an item is in an event stream.

    The data of a named message is what a WebSocket's frame has. Only `hello` carries an id, the
    cursor, so that a reconnect before the first event resumes too; and `end`, whose id says that
    there is nothing to come back for.
    """
    if isinstance(item, Events):
        return item.sse
    lines = [f"event: {_NAMES[type(item)]}"]
    match item:
        case Hello():
            lines.append(f"id: {item.after}")
        case End():
            lines.append(f"id: {item.seq}-{item.hash8}-end")
        case Refusal() if item.error.retry_after_s is not None:
            lines.append(f"retry: {round(item.error.retry_after_s * 1000)}")
    return "\n".join([*lines, f"data: {_dump_json(_frame_members(item))}", "", ""]).encode()


def sse_preface() -> bytes:
    """Return what the first message begins with: padding for proxies, and `retry`.

    No message of its own: some readers take one without data for an event.
    """
    return PADDING + f"retry: {RETRY_MS}\n".encode()


def page_json(
    job: UUID, texts: Sequence[str], *, after: str, next: str, head: int, status: str, end: bool
) -> bytes:
    """Return the JSON answer of a long poll or of one page; the events go in as they are."""
    rest = {"after": after, "next": next, "head": head, "status": status, "end": end}
    members = _dump_json(rest)[1:]
    return f'{{"job":"{job}","events":[{",".join(texts)}],{members}'.encode()


def _frame_members(
    item: Hello | CaughtUp | FellBehind | Heartbeat | End | Refusal,
) -> dict[str, Any]:
    match item:
        case Hello():
            beat = item.heartbeat_s
            return {
                "kind": "hello",
                "protocol": PROTOCOL,
                "job": item.job and str(item.job),
                "after": item.after,
                "head": item.head,
                "heartbeat_s": int(beat) if beat == int(beat) else beat,
            }
        case CaughtUp() | FellBehind():
            return {"kind": _NAMES[type(item)], "seq": item.seq, "head": item.head}
        case Heartbeat():
            return {"kind": "heartbeat", "head": item.head, "at": item.at}
        case End():
            return {"kind": "end", "seq": item.seq, "status": item.status}
        case Refusal():
            error = item.error
            said = {"kind": "error", "code": error.code, "message": error.message}
            return {**said, **error.extra, "retry_after_s": error.retry_after_s}


def _dump_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
