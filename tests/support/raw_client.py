"""A client on a bare socket: it buffers little and reads only when a test calls it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from tests.support.clients import Headers

WINDOW_BYTES = 64 * 1024
READ_BYTES = 16 * 1024
PATIENCE_SECONDS = 60
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@contextmanager
def connected(port: int, window: int = WINDOW_BYTES) -> Iterator[socket.socket]:
    """Connect with a window of so many bytes: the rest stays with the server."""
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        made.settimeout(PATIENCE_SECONDS)
        made.connect(("127.0.0.1", port))
        yield made


def ask(connection: socket.socket, path: str, headers: Headers, method: str = "GET") -> None:
    """Send a request's head."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())


def read_to_end(connection: socket.socket) -> bytes:
    """Return what comes until the server closes; a connection that it resets raises."""
    read = bytearray()
    while chunk := connection.recv(READ_BYTES):
        read += chunk
    return bytes(read)


def answered(data: bytes) -> httpx.Response:
    """Return an answer with a length as httpx has it."""
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


class RawSocket:
    """A WebSocket client that reads nothing before it is told to."""

    def __init__(
        self, connection: socket.socket, path: str, headers: Headers, *, answers: bool = True
    ) -> None:
        ask(connection, path, UPGRADE | headers)
        self._answers = answers
        self.connection = connection
        self.texts: list[str] = []
        self._protocol = Protocol(Side.CLIENT, state=OPEN, max_size=None)
        self._head = b""

    @property
    def close_code(self) -> int | None:
        """The code that the server closed with; None without a close frame."""
        return self._protocol.close_rcvd.code if self._protocol.close_rcvd else None

    def send(self, text: str) -> None:
        """Send a message."""
        self._protocol.send_text(text.encode())
        self._reply()

    def close(self) -> None:
        """Say good-bye."""
        self._protocol.send_close(1000)
        self._reply()

    def read(self) -> bool:
        """Read once, and answer pings and the close as clients do; False at the end."""
        data = self.connection.recv(READ_BYTES)
        if not data:
            return False
        if b"\r\n\r\n" not in self._head:
            self._head += data
            _, _, data = self._head.partition(b"\r\n\r\n")
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.texts.append(bytes(event.data).decode())
        if self._answers:
            self._reply()
        return True

    def read_to_end(self) -> None:
        """Read until the server closes."""
        while self.read():
            pass

    def _reply(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.connection.sendall(data)
