"""Deflate blocks of what followers are sent, made once for all who had the same before it.

A follower's decompressor knows what it has put out, and what comes next is mostly alike. But a
compressor for each follower would hold 256 KiB and do the same work again and again. So each block
is made on its own, and its dictionary is the last few KiB that the follower got. Followers of a job
have those in common and share the blocks.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

LEVEL = 7
MEMORY_LEVEL = 8  # for the moment in which a block is made
MAX_WINDOW_BITS = 15
# What a block may refer to of what came before it. More of it makes blocks a little smaller, but
# has to be read again for each.
CONTEXT_BYTES = 16 * 1024
# zlib refers to nothing further back than its window without so many bytes.
_UNUSED_BYTES = 262
# A shorter text gains next to nothing. A longer one is of a history and goes to a connection that
# took everything so far at once (`streams.hub.pacing`): there, time is short and not bytes.
LEAST_BYTES, MOST_BYTES = 200, 64 * 1024
# Followers of one job get a text one after the other; some came to it another way.
KEPT = 8
EMPTY_BLOCK = b"\x00\x00\xff\xff"  # what a block ends with: no more bits are needed to read it
_MOST_STORED = 65535  # bytes in one stored block (RFC 1951, 3.2.4)

Wrap = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Block:
    """A compressed text; `context` is what the next one may refer to."""

    data: bytes
    context: bytes


class SharedDeflate:
    """Compresses texts; a text is known by its identity, and what was sent before it by its bytes.

    `wrap` makes of each block what is sent.
    """

    def __init__(self, wrap: Wrap = bytes, window_bits: int = MAX_WINDOW_BITS) -> None:
        self._wrap = wrap
        self._bits = window_bits
        self._context_bytes = min(CONTEXT_BYTES, 2**window_bits - _UNUSED_BYTES)
        self._kept: deque[tuple[str | bytes, bytes, Block]] = deque(maxlen=KEPT)

    def compress(self, text: str | bytes, before: bytes = b"") -> Block:
        """Return a text as a block for those who got `before` (the end of it, or nothing) last."""
        for known, context, block in self._kept:
            if known is text and context == before:
                return block
        data = text.encode() if isinstance(text, str) else text
        made = Block(self._wrap(self._deflate(data, before)), self.context(before, data))
        self._kept.append((text, before, made))
        return made

    def context(self, before: bytes, data: bytes) -> bytes:
        """Return what a block may refer to once `data` was sent after `before`."""
        if len(data) >= self._context_bytes:
            return data[-self._context_bytes :]
        return (before + data)[-self._context_bytes :]

    def _deflate(self, data: bytes, before: bytes) -> bytes:
        method, strategy = zlib.DEFLATED, zlib.Z_DEFAULT_STRATEGY
        made = zlib.compressobj(LEVEL, method, -self._bits, MEMORY_LEVEL, strategy, before)
        return made.compress(data) + made.flush(zlib.Z_SYNC_FLUSH)


def stored_blocks(data: bytes) -> bytes:
    """Return data as blocks that hold it as it is."""
    parts = (data[at : at + _MOST_STORED] for at in range(0, len(data), _MOST_STORED))
    return b"".join(struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF) + part for part in parts)


class GzipStream:
    """One follower's stream as one gzip member (RFC 1952); every part can be read when it comes.

    Parts that are too small or too large are stored as they are. So is the first, whose padding
    fills what a proxy holds back.
    """

    __slots__ = ("_before", "_checksum", "_shared", "_size")
    HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

    def __init__(self, shared: SharedDeflate) -> None:
        self._shared = shared
        self._before = b""
        self._checksum = self._size = 0

    def add(self, part: bytes) -> bytes:
        """Return what a part of the stream is sent as."""
        first = not self._size
        self._checksum = zlib.crc32(part, self._checksum)
        self._size += len(part)
        if not first and LEAST_BYTES <= len(part) <= MOST_BYTES:
            block = self._shared.compress(part, self._before)
            self._before = block.context
            return block.data
        self._before = self._shared.context(self._before, part)
        return (self.HEADER if first else b"") + stored_blocks(part)

    def end(self) -> bytes:
        """Return what the stream ends with."""
        last = b"" if self._size else self.HEADER
        return last + b"\x03\x00" + struct.pack("<II", self._checksum, self._size & 0xFFFFFFFF)
