"""WebSocket frames that daphne's connections send, made once for all who are sent the same.

autobahn makes, and prepares to log, every frame of every connection anew, and Twisted puts each
write off to the next turn of its loop, for which it registers the socket with the kernel and takes
it out again. A server's frames are
not masked (RFC 6455, 5.1), so one text is one byte string for everybody; and where nothing waits
before it in the connection's buffer, the socket can have it at once.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Any

# Followers of one job get a frame one after the other; some more jobs may be served in between.
KEPT = 4
TEXT = 0x81  # the first byte of a whole message of text: FIN, and opcode 1


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


def frame_of(payload: bytes) -> bytes:
    """Return a text frame with this payload (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((TEXT, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", TEXT, 126, size) + payload
    return struct.pack("!BBQ", TEXT, 127, size) + payload


def write_frame(protocol: Any, frame: bytes) -> bool:
    """Write a frame to an open WebSocket; return whether the kernel has taken all of it.

    What it has not taken waits in the transport's buffer, as all that is written to it does.
    """
    transport = protocol.transport
    if must_wait(transport):
        transport.write(frame)
        return False
    taken = transport.writeSomeData(frame)
    if not isinstance(taken, int):
        transport.write(frame)  # the connection is lost; the reactor finds out in its own way
        return False
    if taken == len(frame):
        return True
    transport.write(frame[taken:])
    return False


def must_wait(transport: Any) -> bool:
    """Return whether the socket must not be written to past the transport."""
    return bool(
        transport.TLS
        or not transport.connected
        or transport.disconnecting
        or transport.dataBuffer
        or transport._tempDataLen
    )


def is_plain(protocol: Any) -> bool:
    """Return whether a WebSocket is open and sends its messages as they are, in whole frames."""
    return bool(
        protocol.state == protocol.STATE_OPEN
        and protocol._perMessageCompress is None
        and not protocol.send_queue
        and not protocol.autoFragmentSize
    )
