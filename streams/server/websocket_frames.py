"""WebSocket frames, plain or compressed (RFC 7692), made once for all who are sent the same.

A server's frames are not masked (RFC 6455, 5.1), so one text is one byte string for everybody. With
permessage-deflate it is so for all who were sent the same before it (`streams.deflate`): messages
that are not compressed are not in the other end's window, and so count for nothing.
"""

from __future__ import annotations

import struct
from collections import deque

from django.conf import settings

from streams import wire
from streams.deflate import EMPTY_BLOCK, MAX_WINDOW_BITS, MOST_BYTES, SharedDeflate

# Followers of one job get a frame one after the other; some more jobs may be served in between.
KEPT = 4
TEXT = 0x81  # the first byte of a whole message of text: FIN, and opcode 1
DEFLATED = 0x40  # RSV1: the message is compressed
# What a client that asks for a window smaller than the largest gets, if it asks for no less.
SMALL_WINDOW_BITS = 12


class Frames:
    """The newest texts as frames. A text is known by its identity, not looked at."""

    def __init__(self) -> None:
        self._kept: deque[tuple[str, bytes]] = deque(maxlen=KEPT)

    def of(self, text: str) -> bytes:
        """Return the text as one unmasked frame; the same object for the same text, for a while."""
        for known, frame in self._kept:
            if known is text:
                return frame
        made = frame_of(text.encode())
        self._kept.append((text, made))
        return made


def frame_of(payload: bytes, first: int = TEXT) -> bytes:
    """Return a frame with this payload and first byte (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def _deflated_frame(block: bytes) -> bytes:
    return frame_of(block.removesuffix(EMPTY_BLOCK), TEXT | DEFLATED)


_shared = {
    bits: SharedDeflate(_deflated_frame, bits) for bits in (SMALL_WINDOW_BITS, MAX_WINDOW_BITS)
}


def window_bits(asked: int | None) -> int | None:
    """Return the window for a client that can do with so many bits; None: it is not compressed."""
    if not settings.REPRISE.compress_streams:
        return None
    fitting = [bits for bits in _shared if bits <= (asked or MAX_WINDOW_BITS)]
    return max(fitting, default=None)


class SocketDeflate:
    """One connection with permessage-deflate; `takeover`: it keeps its window between messages."""

    __slots__ = ("_before", "_shared", "_takeover")

    def __init__(self, bits: int, *, takeover: bool) -> None:
        self._shared = _shared[bits]
        self._takeover = takeover
        self._before = b""

    def frame(self, text: str) -> bytes | None:
        """Return a text as a compressed frame; None if it is to be sent as it is.

        Only events of a job are compressed: never what belongs to several jobs, such as the feed.
        """
        if len(text) > MOST_BYTES or not text.startswith(wire.JOB_EVENTS):
            return None
        block = self._shared.compress(text, self._before)
        if self._takeover:
            self._before = block.context
        return block.data
