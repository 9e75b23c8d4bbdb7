"""Server-sent events, `/api/jobs/<id>/stream`; as an octet stream the same bytes pass filters that
hold `text/event-stream`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

from streams.client.actions import Alive, Open, Retry, Signal
from streams.client.close_reasons import Closed, Rotated, reason_for_error
from streams.client.errors import BadFrame
from streams.client.fallback import OCTETS, SSE
from streams.client.frames import Event, Events, Words, parse_event, parse_named
from streams.client.transports.http import Door, get_stream

EVENT_STREAM = "text/event-stream"
# What is asked for, and what else may come: a refusal that may be tried again is an event stream.
TYPES = {SSE: (EVENT_STREAM,), OCTETS: ("application/octet-stream", EVENT_STREAM)}
# Compressed, a stream would be held until enough of it is there.
AS_IT_IS = {"Accept-Encoding": "identity"}
# Far above any event: a body that never ends a line is no event stream.
LONGEST_LINE = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


async def stream_signals(door: Door, move: Open) -> AsyncGenerator[Signal, None]:
    """Yield what one answer brings; the last is why it is over. NoAnswer if there is none."""
    url = door.addresses.stream(move.cursor, move.rotate_s)
    messages = Messages()
    async with get_stream(door, url, TYPES[move.transport], AS_IT_IS) as response:
        async for chunk in response.aiter_bytes():
            for signal in list(messages.take(chunk)) or [Alive(len(chunk))]:
                yield signal
                if isinstance(signal, Closed):
                    return
    yield Rotated()


class Messages:
    """Turns the bytes of one answer into signals."""

    def __init__(self) -> None:
        self._parser = SseParser()
        self._retry_ms: int | None = None

    def take(self, chunk: bytes) -> Iterator[Signal]:
        """Yield what the next bytes complete: all events of them that follow each other as one."""
        messages = self._parser.push(chunk)
        retry_ms = self._parser.retry_ms
        if retry_ms is not None and retry_ms != self._retry_ms:
            self._retry_ms = retry_ms
            yield Retry(retry_ms / 1000)
        events: list[Event] = []
        for message in messages:
            if message.event == "message":
                events.append(parse_event(_message_text(message)))
                continue
            if events:
                yield Events(tuple(events))
                events = []
            frame = parse_named(message.event, _message_text(message))
            if isinstance(frame, Words):
                yield reason_for_error(frame)
            elif frame is not None:
                yield frame
        if events:
            yield Events(tuple(events))


def _message_text(message: Message) -> str:
    try:
        return message.data.decode()
    except UnicodeDecodeError:
        raise BadFrame("A message that is not UTF-8.") from None


@dataclass(frozen=True, slots=True)
class Message:
    """One dispatched message; its data as bytes, since an event's bytes are what counts."""

    event: str
    data: bytes
    id: str


class SseParser:
    """Parses bytes, however they are split, as the WHATWG HTML standard (9.2.6) says; an unfinished
    message is discarded."""

    def __init__(self) -> None:
        #: The reconnection time in ms that the stream last set by `retry:`.
        self.retry_ms: int | None = None
        self._rest = b""
        self._after_cr = self._begun = False
        self._data: list[bytes] = []
        self._event = ""
        self._id = ""

    def push(self, chunk: bytes) -> list[Message]:
        """Take the next bytes; return the messages they complete. BadFrame for a giant line."""
        messages: list[Message] = []
        for line in self._split_lines(chunk):
            if line:
                self._take_field(line)
            elif self._data:
                name = self._event or "message"
                messages.append(Message(name, b"\n".join(self._data), self._id))
                self._data, self._event = [], ""
            else:
                self._event = ""
        if len(self._rest) > LONGEST_LINE:
            raise BadFrame("A line of a stream that does not end.")
        return messages

    def _split_lines(self, chunk: bytes) -> list[bytes]:
        if not chunk:
            return []
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the CR before ended the line already
        self._after_cr = chunk.endswith(b"\r")
        text = self._rest + chunk
        if not self._begun:
            if len(text) < len(_BOM) and _BOM.startswith(text):
                self._rest = text
                return []
            self._begun, text = True, text.removeprefix(_BOM)
        *lines, self._rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return lines

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._data.append(value)
            case b"event":
                self._event = value.decode(errors="replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode(errors="replace")
            case b"retry" if value.isdigit():
                self.retry_ms = int(value)
