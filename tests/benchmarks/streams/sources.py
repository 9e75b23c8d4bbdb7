"""Publishes the same events to each system; `send` returns when."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

import redis
from channels_redis.pubsub import RedisPubSubChannelLayer

from jobs import log
from jobs.log import Appended, hints
from tests.benchmarks.beside.names import BENCH, layer
from tests.benchmarks.streams.marked import event


class Source(Protocol):
    """Publishes events, one after the other, some at a time."""

    def send(self, numbers: range) -> Sequence[float]:
        """Publish the events of these numbers; return the moment of each (`time.monotonic`)."""


class Ours:
    """Appends to a job's log; the moment is when the commit is known, before its hint."""

    def __init__(self, job: UUID) -> None:
        self.texts: list[str] = []
        self._job = job
        self._moments: list[float] = []

    def send(self, numbers: range) -> Sequence[float]:
        """Append them in one transaction."""
        self._moments = []
        events = [event(number) for number in numbers]
        self.texts += log.append(self._job, events, actor="worker:bench/1").texts
        return self._moments

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note the moment of each commit: between it and the hint."""
        publish = hints.publish_hints

        def noted(receipts: Sequence[Appended]) -> None:
            now = time.monotonic()
            self._moments += [now for receipt in receipts for _ in receipt.texts]
            publish(receipts)

        hints.publish_hints = noted
        try:
            yield
        finally:
            hints.publish_hints = publish


class Group:
    """Sends to a group of stock Channels' layer."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._layer = RedisPubSubChannelLayer(**layer()["CONFIG"])
        self._runner = asyncio.Runner()

    def send(self, numbers: range) -> Sequence[float]:
        """Send a message an event."""
        return self._runner.run(self._send(numbers))

    async def _send(self, numbers: range) -> list[float]:
        moments = []
        for number in numbers:
            moments.append(time.monotonic())
            message = {"type": "event.sent", "text": self._texts[number]}
            await self._layer.group_send(BENCH, message)
        return moments


class PubSub:
    """Publishes in a channel of Valkey: for the bare server as it is, or as django-eventstream."""

    def __init__(
        self, texts: Sequence[str], channel: str, around: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self._texts = texts
        self._channel = channel
        self._around = around
        self._client = redis.Redis.from_url(os.environ["REDIS_URL"])

    def send(self, numbers: range) -> Sequence[float]:
        """Publish a message an event."""
        moments = []
        for number in numbers:
            text = self._texts[number]
            message = json.dumps({**self._around, "data": text}) if self._around else text
            moments.append(time.monotonic())
            self._client.publish(self._channel, message)
        return moments


class Nchan:
    """Posts to Nchan, all at once over one connection, then reads the answers."""

    def __init__(self, texts: Sequence[str], port: int) -> None:
        self._texts = texts
        self._socket = socket.create_connection(("127.0.0.1", port))

    def send(self, numbers: range) -> Sequence[float]:
        """Post an event a message."""
        raw = [self._texts[number].encode() for number in numbers]
        now = time.monotonic()
        self._socket.sendall(b"".join(map(_post, raw)))
        answers = b""
        while answers.count(b"HTTP/1.1 20") < len(raw):
            if not (more := self._socket.recv(65536)):
                raise AssertionError(f"Nchan took no more: {answers[-300:]!r}")
            answers += more
        return [now] * len(raw)


def _post(raw: bytes) -> bytes:
    return b"POST /pub HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%s" % (len(raw), raw)
