"""Server-sent events, `/api/jobs/<id>/stream`; as an octet stream the same bytes pass filters that
hold `text/event-stream`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from streams.client.actions import Alive, Open, Retry, Signal
from streams.client.close_reasons import Closed, Rotated, reason_for_error
from streams.client.errors import BadFrame
from streams.client.fallback import OCTETS, SSE
from streams.client.frames import Event, Events, Words, parse_event, parse_named
from streams.client.sse import Message, SseParser
from streams.client.transports.http import Door, get_stream

EVENT_STREAM = "text/event-stream"
# What is asked for, and what else may come: a refusal that may be tried again is an event stream.
TYPES = {SSE: (EVENT_STREAM,), OCTETS: ("application/octet-stream", EVENT_STREAM)}
# Compressed, a stream would be held until enough of it is there.
AS_IT_IS = {"Accept-Encoding": "identity"}


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
        raise BadFrame("A message that is no UTF-8.") from None
