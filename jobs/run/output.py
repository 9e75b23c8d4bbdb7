"""A step's output, gathered into events: what comes within 50 ms goes together."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from core.user_code import plain_text
from jobs.events import EventType, NewEvent
from jobs.run.quota import OutputQuota, Tail, notice_of
from jobs.secrets.masking import Masks, Stream
from jobs.secrets.thread import mask_in_thread

LINGER_SECONDS = 0.05
# A character is at most 6 bytes of JSON (a control character's escape): a chunk fits an event.
MAX_CHUNK_CHARS = 10_000
MAX_WAITING_CHARS = 256 * 1024
# So much is masked at once: other runs' text comes between.
MAX_MASKED_CHARS = 32 * 1024
# The beginning of an escape sequence or a control string at the end of a text; longer ones are cut.
_BEGUN = re.compile(
    r"(?:\x1b|\x1b[ -/]+|(?:\x1b\[|\x9b)[0-?]*[ -/]*"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\n\a\x1b\x9c]*\x1b?)\Z"
)
LONGEST_SEQUENCE = 256
MakeEvent = Callable[[EventType, dict[str, Any]], NewEvent]
Send = Callable[[list[NewEvent]], Awaitable[Any]]


class Output:
    """Gathers text from any thread and sends it from the loop it was made in.

    Order is kept, within a stream and between them. Text is cut on character boundaries only, and
    not within an escape sequence, unless that is a long one: its beginning waits for what follows.
    Secrets are masked: what may be the beginning of one waits for the stream's next text, or for
    the end, also where the other stream has said something meanwhile. That is done off the loop.
    Past the job's quota only the last of it is kept, for the end.
    """

    def __init__(
        self,
        event: MakeEvent,
        send: Send,
        masks: Masks | None = None,
        quota: OutputQuota | None = None,
        *,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self._linger_seconds = linger_seconds
        self._masks = Masks() if masks is None else masks  # one that is empty may get values later
        self._quota = quota or OutputQuota()
        self._tail = Tail()
        self._streams: dict[str, Stream] = {}
        self._event = event
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._parts: list[tuple[str, str]] = []
        self._waiting = 0
        self._unsent = 0
        self._rest: list[NewEvent] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._sending: asyncio.Task[None] | None = None

    def write(self, text: str, stream: str) -> None:
        """Take text of a stream (`out`, `err`); TypeError for what is no text."""
        text, stream = plain_text(text), plain_text(stream)
        with self._lock:
            first = not self._waiting
            self._parts.append((stream, text))
            self._waiting += len(text)
        if first:
            self._loop.call_soon_threadsafe(self._arm_timer)

    async def drain(self) -> None:
        """Wait where much is waiting, so that a chatty command cannot outrun the log."""
        if self._waiting > MAX_WAITING_CHARS:
            self._flush_texts()
        if self._sending and self._unsent > MAX_WAITING_CHARS:
            await asyncio.shield(self._sending)

    async def close(self) -> list[NewEvent]:
        """Stop the clock, wait for what is on its way, and return the events not sent yet.

        Cancelled, it can be called again, and returns them then.
        """
        self._closed = True
        if self._timer:
            self._timer.cancel()
        parts = self._take_parts()
        if not parts and self._sending is None:
            return []  # it has said nothing
        last = self._keep_rest(parts, self._sending)
        self._sending = self._loop.create_task(last)
        await asyncio.shield(self._sending)
        rest, self._rest = self._rest, []
        return rest

    def _arm_timer(self) -> None:
        if self._timer:
            self._timer.cancel()  # it has been forestalled: what it was for is on its way
        if self._closed:
            return
        self._timer = self._loop.call_later(self._linger_seconds, self._flush_texts)

    def _flush_texts(self) -> None:
        if parts := self._take_parts():
            self._unsent += _text_size(parts)
            self._sending = self._loop.create_task(self._deliver_parts(parts, self._sending))

    async def _deliver_parts(
        self, parts: list[tuple[str, str]], before: asyncio.Task[None] | None
    ) -> None:
        if before:
            await before
        if events := self._output_events(await self._mask_parts(parts)):
            await self._send(events)
        self._unsent -= _text_size(parts)

    async def _keep_rest(
        self, parts: list[tuple[str, str]], before: asyncio.Task[None] | None
    ) -> None:
        if before:
            await before
        texts = await self._mask_parts(parts)
        for name, held in self._streams.items():
            texts.append((name, await mask_in_thread(self._masks, held.close)))
        self._rest += self._output_events(texts)
        self._rest += self._tail_events()

    def _take_parts(self) -> list[tuple[str, str]]:
        with self._lock:
            parts, self._parts, self._waiting = self._parts, [], 0
            if parts and not self._closed:
                stream, text = parts[-1]
                end = _end_of_whole(text, len(text))
                parts[-1] = stream, text[:end]
                self._parts = [(stream, text[end:])] if end < len(text) else []
        return _join_neighbours(parts)

    async def _mask_parts(self, parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, await self._mask_text(name, text)) for name, text in parts]

    async def _mask_text(self, name: str, text: str) -> str:
        if not self._masks:
            return text
        stream = self._streams.setdefault(name, Stream(self._masks))
        pieces = range(0, len(text), MAX_MASKED_CHARS)
        masked = [
            await mask_in_thread(self._masks, stream.feed, text[at : at + MAX_MASKED_CHARS])
            for at in pieces
        ]
        return "".join(masked)

    def _output_events(self, texts: list[tuple[str, str]]) -> list[NewEvent]:
        """Return the events of what may be recorded, and keep the tail of what may not."""
        events = []
        for stream, text in texts:
            taken = self._quota.take(len(text))
            if taken < len(text):
                taken = _end_of_whole(text, taken)
            events += self._chunk_events(stream, text[:taken])
            self._tail.add(stream, text[taken:])
        return events

    def _tail_events(self) -> list[NewEvent]:
        texts, left_out = self._tail.take(), self._tail.left_out
        events = [event for stream, text in texts for event in self._chunk_events(stream, text)]
        if left_out:
            stream = texts[0][0] if texts else "out"
            said = {"text": notice_of(left_out), "stream": stream, "left_out": left_out}
            events.insert(0, self._event(EventType.STEP_OUTPUT, said))
        return events

    def _chunk_events(self, stream: str, text: str) -> list[NewEvent]:
        return [
            self._event(EventType.STEP_OUTPUT, {"text": chunk, "stream": stream})
            for chunk in _cut_chunks(text)
        ]


def _text_size(parts: list[tuple[str, str]]) -> int:
    return sum(len(text) for _, text in parts)


def _join_neighbours(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Join neighbours of the same stream."""
    runs: list[tuple[str, list[str]]] = []
    for stream, text in parts:
        if runs and runs[-1][0] == stream:
            runs[-1][1].append(text)
        else:
            runs.append((stream, [text]))
    return [(stream, "".join(texts)) for stream, texts in runs]


def _cut_chunks(text: str) -> list[str]:
    """Cut text into chunks, where possible after a newline."""
    chunks = []
    while len(text) > MAX_CHUNK_CHARS:
        cut = text.rfind("\n", 0, MAX_CHUNK_CHARS) + 1 or _end_of_whole(text, MAX_CHUNK_CHARS)
        chunks.append(text[:cut])
        text = text[cut:]
    return [*chunks, text] if text else chunks


def _end_of_whole(text: str, end: int) -> int:
    """Return where to end a text, at `end` or before the escape sequence that goes on there."""
    begun = _BEGUN.search(text, max(0, end - LONGEST_SEQUENCE), end)
    return begun.start() if begun else end
