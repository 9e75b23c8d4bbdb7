"""How frames get to the sockets of daphne's WebSockets.

autobahn makes, and prepares to log, every frame of every connection anew, and Twisted puts each
write off to the next turn of its loop, for which it registers the socket with the kernel and takes
it out again. Here frames are shared (`streams.server.websocket_frames`); and where nothing waits
before one in the connection's buffer, the socket can have it at once.
"""

from __future__ import annotations

from typing import Any


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


def takes_frames(protocol: Any) -> bool:
    """Return whether a WebSocket is open and sends its messages in whole frames."""
    return bool(
        protocol.state == protocol.STATE_OPEN
        and not protocol.send_queue
        and not protocol.autoFragmentSize
    )
