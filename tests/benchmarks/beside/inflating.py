"""Reads what a server has compressed: frames of a WebSocket, or an event stream in gzip.

Only as much as a bench needs: whole frames that no one masked, chunks without extensions.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

HEAD_END = b"\r\n\r\n"
LONG = 126  # from here on the length follows: in 2 bytes, or in 8


class Inflating:
    """Bytes of an answer in, its text out, as far as it is there."""

    def __init__(self) -> None:
        self._rest = b""
        self._take: Callable[[], bytes | None] = self._head
        self._inflater = zlib.decompressobj(-15)

    def feed(self, data: bytes) -> bytes:
        """Return what these bytes bring."""
        self._rest += data
        found = []
        while (part := self._take()) is not None:
            found.append(part)
        return b"".join(found)

    def _head(self) -> bytes | None:
        head, end, rest = self._rest.partition(HEAD_END)
        if not end:
            return None
        self._rest = rest
        if b"permessage-deflate" in head:
            self._take = self._frame
        elif b"Content-Encoding: gzip" in head or b"content-encoding: gzip" in head:
            self._inflater, self._take = zlib.decompressobj(31), self._chunk
        else:
            raise AssertionError(f"the server does not compress: {head!r}")
        return head + end

    def _frame(self) -> bytes | None:
        if len(self._rest) < 2:
            return None
        first, size = self._rest[:2]
        at = 2
        if size >= LONG:
            form, at = ("!H", 4) if size == LONG else ("!Q", 10)
            if len(self._rest) < at:
                return None
            [size] = struct.unpack(form, self._rest[2:at])
        if len(self._rest) < at + size:
            return None
        payload, self._rest = self._rest[at : at + size], self._rest[at + size :]
        compressed = first & 0x40
        return self._inflater.decompress(payload + b"\0\0\xff\xff") if compressed else payload

    def _chunk(self) -> bytes | None:
        digits, end, rest = self._rest.partition(b"\r\n")
        if not end:
            return None
        size = int(digits, 16)
        if len(rest) < size + 2:
            return None
        payload, self._rest = rest[:size], rest[size + 2 :]
        return self._inflater.decompress(payload)
