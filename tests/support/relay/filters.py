"""What a relay changes in a server's answers: it caps, stalls or cuts them. Pure.

A filter takes what comes and returns what passes on: all of it, until `stopped`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

TEXT, CONTROL = 1, 8
HEAD_END = b"\r\n\r\n"
#: A close frame with the code 1009: a message was too big.
TOO_BIG = b"\x88\x02\x03\xf1"
#: The greeting of a WebSocket or a stream, up to its end.
HELLO = re.compile(rb'"kind":"hello"[^}]*}(\n\n)?')
HELLO_BYTES = 256


class AnswerFilter(Protocol):
    """Filters one direction of a connection."""

    @property
    def stopped(self) -> bool:
        """Whether nothing more passes on."""

    @property
    def ends(self) -> bool:
        """Whether the connection ends then."""

    def feed(self, chunk: bytes) -> bytes:
        """Return what of these bytes passes on."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a frame: its own bytes, and how many of payload follow."""

    raw: bytes
    opcode: int
    final: bool
    length: int


def header(data: bytes) -> Header | None:
    """Return the header that an unmasked frame begins with, None if it is not all there."""
    if len(data) < 2:
        return None
    size, length = 2, data[1] & 0x7F
    if length >= 126:
        size = 4 if length == 126 else 10
        length = int.from_bytes(data[2:size], "big")
    if len(data) < size:
        return None
    return Header(data[:size], data[0] & 0x0F, bool(data[0] & 0x80), length)


class Frames:
    """Cuts the bytes of a server's WebSocket, handshake first, into pieces."""

    def __init__(self) -> None:
        self._open = False
        self._begun = b""
        self._left = 0

    def pieces(self, chunk: bytes) -> Iterator[tuple[Header | None, bytes]]:
        """Yield what comes: each header with its bytes, all else with None."""
        data, self._begun = self._begun + chunk, b""
        if not self._open:
            end = data.find(HEAD_END)
            if end < 0:
                self._begun = data
                return
            self._open = True
            yield None, data[: end + len(HEAD_END)]
            data = data[end + len(HEAD_END) :]
        while data:
            if self._left:
                payload, data = data[: self._left], data[self._left :]
                self._left -= len(payload)
                yield None, payload
            elif (found := header(data)) is not None:
                self._left = found.length
                data = data[len(found.raw) :]
                yield found, found.raw
            else:
                self._begun, data = data, b""


class MessageCap:
    """Ends a WebSocket at the first message of more than `most` bytes, as some proxies do."""

    def __init__(self, most: int) -> None:
        self.stopped = self.ends = False
        self._most, self._frames, self._message = most, Frames(), 0

    def feed(self, chunk: bytes) -> bytes:
        """Return what comes before such a message, and the close frame that says 1009."""
        passed = b""
        for found, piece in self._frames.pieces(chunk):
            if found is not None and found.opcode < CONTROL:
                self._message = found.length + (0 if found.opcode else self._message)
                if self._message > self._most:
                    self.stopped = self.ends = True
                    return passed + TOO_BIG
            passed += piece
        return passed


class WebSocketStall:
    """Passes a WebSocket's first message, the greeting, and nothing after it."""

    def __init__(self) -> None:
        self.stopped = self.ends = False
        self._frames, self._messages = Frames(), 0

    def feed(self, chunk: bytes) -> bytes:
        """Return what is still to be passed on."""
        passed = b""
        for found, piece in self._frames.pieces(chunk):
            self._messages += found is not None and found.opcode == TEXT
            self.stopped = self.stopped or self._messages > 1
            if not self.stopped:
                passed += piece
        return passed


class StreamStall:
    """Passes an event stream up to the end of its `hello`, and nothing after it."""

    def __init__(self) -> None:
        self.stopped = self.ends = False
        self._seen = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what is still to be passed on."""
        if self.stopped:
            return b""
        before = len(self._seen)
        self._seen += chunk
        began = self._seen.find(b"event: hello")
        end = self._seen.find(b"\n\n", began) if began >= 0 else -1
        if end < 0:
            return chunk
        self.stopped = True
        return self._seen[before : end + 2]


class CutAfterBytes:
    """Ends a connection after so many bytes of answers."""

    def __init__(self, left: int) -> None:
        self.stopped = self.ends = False
        self._left = left

    def feed(self, chunk: bytes) -> bytes:
        """Return what still passes."""
        passed = chunk[: self._left]
        self._left -= len(passed)
        self.stopped = self.ends = self._left == 0
        return passed


class CutAfterHello:
    """Ends a stream so many bytes after its greeting."""

    def __init__(self, left: int) -> None:
        self._cut = CutAfterBytes(left)
        self._seen: bytes | None = b""

    @property
    def stopped(self) -> bool:
        return self._cut.stopped

    @property
    def ends(self) -> bool:
        return self._cut.ends

    def feed(self, chunk: bytes) -> bytes:
        """Return what still passes."""
        if self._seen is None:
            return self._cut.feed(chunk)
        self._seen = self._seen[-HELLO_BYTES:] + chunk
        if HELLO.search(self._seen):
            self._seen = None
        return chunk
