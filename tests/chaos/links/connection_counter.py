"""Counts the TCP connections that are opened over a network interface."""

from __future__ import annotations

import ctypes
import socket
import struct

IP = 0x0800
SO_ATTACH_FILTER = 26  # asm-generic/socket.h
READ_BYTES = 64
#: A filter of packets(7) that begin with IP, without options: TCP's SYN and no ACK. Each step is
#: (code, jump where true, jump where false, constant).
SYN = (
    (0x30, 0, 0, 9),  # the protocol
    (0x15, 0, 4, 6),  # is TCP
    (0x30, 0, 0, 33),  # the flags
    (0x54, 0, 0, 0x12),  # SYN and ACK
    (0x15, 0, 1, 0x02),  # are SYN alone
    (0x06, 0, 0, READ_BYTES),
    (0x06, 0, 0, 0),
)
PORT = slice(20, 22)


class ConnectionCounter:
    """Counts the TCP connections that somebody at the other end of an interface opens."""

    def __init__(self, interface: str) -> None:
        self._ports: set[bytes] = set()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        program = b"".join(struct.pack("HBBI", *step) for step in SYN)
        kept = ctypes.create_string_buffer(program)
        filtering = struct.pack("HP", len(SYN), ctypes.addressof(kept))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filtering)
        self._socket.bind((interface, IP))  # from now on
        self._socket.setblocking(False)

    def count(self) -> int:
        """Return how many there have been; a SYN that was sent again counts once."""
        while True:
            try:
                self._ports.add(self._socket.recv(READ_BYTES)[PORT])
            except BlockingIOError:
                return len(self._ports)

    def forget(self) -> None:
        """Begin to count anew."""
        self.count()
        self._ports.clear()
