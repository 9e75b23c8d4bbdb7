"""NATS JetStream over its own text protocol: a stream is filled, an ordered consumer reads it.

Spoken by hand, so that both readers of a replay are the same cheap follower (`crowd`), which looks
at what comes for marks and answers the consumer's flow control.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable

from tests.benchmarks.beside.names import SUBJECT

STREAM = "BENCH"
# Publishes that wait for their acknowledgement at a time: a stream drops what comes too fast.
WINDOW = 1_000
HELLO = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'


class Client:
    """One connection that asks and publishes."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.settimeout(60)
        self._reader = self._socket.makefile("rb")
        self._socket.sendall((HELLO + "SUB _INBOX.bench 1\r\n").encode())

    def make_stream(self) -> None:
        """Make the stream: one subject, on disk, as JetStream does by default."""
        config = {"name": STREAM, "subjects": [SUBJECT], "storage": "file"}
        self._send([(f"$JS.API.STREAM.CREATE.{STREAM}", json.dumps(config).encode())])
        answer = json.loads(self._message())
        if "error" in answer:
            raise AssertionError(f"NATS made no stream: {answer['error']}")

    def publish(self, texts: Iterable[str]) -> None:
        """Publish each as a message and see it acknowledged."""
        waiting: list[tuple[str, bytes]] = []
        for text in texts:
            waiting.append((SUBJECT, text.encode()))
            if len(waiting) == WINDOW:
                self._acknowledged(waiting)
                waiting = []
        self._acknowledged(waiting)

    def _acknowledged(self, messages: list[tuple[str, bytes]]) -> None:
        self._send(messages)
        for _ in messages:
            if b'"seq"' not in (answer := self._message()):
                raise AssertionError(f"NATS took no message: {answer!r}")

    def _send(self, messages: list[tuple[str, bytes]]) -> None:
        parts = [
            f"PUB {subject} _INBOX.bench {len(raw)}\r\n".encode() + raw + b"\r\n"
            for subject, raw in messages
        ]
        self._socket.sendall(b"".join(parts))

    def _message(self) -> bytes:
        while not (line := self._reader.readline()).startswith(b"MSG "):
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            elif not line.startswith((b"INFO", b"PONG")):
                raise AssertionError(f"NATS said {line!r}")
        raw = self._reader.read(int(line.split()[-1]) + 2)
        return raw[:-2]


def ordered_consumer() -> str:
    """Return what a client says to read the whole stream by a new ordered consumer.

    As nats.go and nats-py make one: push, no acknowledgements, flow control, in memory.
    """
    config = {
        "deliver_subject": "_INBOX.reader", "deliver_policy": "all", "ack_policy": "none",
        "max_deliver": 1, "flow_control": True, "idle_heartbeat": 5_000_000_000,
        "num_replicas": 1, "mem_storage": True,
    }  # fmt: skip
    asked = json.dumps({"stream_name": STREAM, "config": config})
    to = f"$JS.API.CONSUMER.CREATE.{STREAM}"
    listen = "SUB _INBOX.reader 1\r\nSUB _INBOX.made 2\r\n"
    return f"{HELLO}{listen}PUB {to} _INBOX.made {len(asked)}\r\n{asked}\r\n"
