"""daphne, with backpressure and a drain: `python -m streams.server` takes daphne's own arguments.

daphne writes whatever the application sends into the connection's buffer, however little of it the
client takes, so that one client that reads nothing grows the process without end
(https://github.com/django/daphne/issues/170). Here `send` returns once the connection has taken
what was sent, all but what the kernel buffers; a connection that takes nothing for 30 s is closed
(`too_slow`). And where an application fails in the middle of an answer, the connection is cut: an
answer that ended early must not look whole.

And daphne drops every connection at SIGTERM, WebSockets with no close frame
(https://github.com/django/daphne/issues/177; #38 holds the opposite, wrongly). Here followers are
sent off first (`streams.drain`), in the phase of Twisted's shutdown in which all still runs.
"""

from __future__ import annotations

import streams.reactor  # noqa: F401 - before daphne, which else installs another

# isort: split
import asyncio
import logging
import os
from typing import Any

import django
from daphne.cli import CommandLineInterface
from daphne.server import Server as DaphneServer
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]  # it has no types

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django.setup()  # what is imported next has models

from core.errors import TooSlow  # noqa: E402
from jobs import tickets  # noqa: E402
from streams import frames  # noqa: E402
from streams.counters import counters  # noqa: E402
from streams.drain import (  # noqa: E402
    LAST_SECONDS,
    REQUEST_SECONDS,
    Drain,
    close,
    exit_soon,
)

logger = logging.getLogger(__name__)

SLOW_SECONDS = 30.0
FAREWELL_SECONDS = 1.0


@implementer(IPushProducer)
class Gate:
    """What a transport pauses while more than 64 KiB wait in its buffer; open again at none."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._open = asyncio.Event()
        self._open.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Close: the buffer is full."""
        if self._open.is_set():
            self._open.clear()
            counters.add("blocked")

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Open: the buffer is empty."""
        self.stopProducing()
        if self._transport.disconnecting:
            self._transport.unregisterProducer()  # else it would wait for more before it closes

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Open: nothing is to be held back any more, the connection being gone, for one."""
        if not self._open.is_set():
            self._open.set()
            counters.add("blocked", amount=-1)

    async def passed(self) -> bool:
        """Wait until it is open; False where the connection takes nothing for 30 s."""
        waiting = self._waiting()
        while not self._open.is_set():
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that comes together
                # with the event (https://github.com/python/cpython/issues/86296).
                async with asyncio.timeout(SLOW_SECONDS):
                    await self._open.wait()
            except TimeoutError:
                if (left := self._waiting()) >= waiting:
                    return False
                waiting = left
        return True

    def _waiting(self) -> int:
        """Return how many bytes wait in the transport's two buffers."""
        transport = self._transport
        buffered: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
        return buffered


class Server(DaphneServer):  # type: ignore[misc]  # daphne has no types
    """daphne's server, whose `send` waits for the client, and which leaves in good order."""

    def run(self) -> None:
        """Serve until a signal ends it."""
        self._ports: list[Any] = []
        self._frames = frames.Frames()
        super().run()
        exit_soon()

    def listen_success(self, port: Any) -> None:
        """Keep a port that is listened on, to close it before all else."""
        self._ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> Deferred[None]:
        """Go down, before Twisted stops; it waits for what this returns."""
        return Deferred.fromFuture(asyncio.ensure_future(self._go_down()))

    async def _go_down(self) -> None:
        drain = Drain()
        await drain.followers()
        for port in self._ports:
            port.stopListening()
        await drain.until(lambda: not self._applications(), REQUEST_SECONDS)
        if left := self._applications():
            logger.warning("%d requests given up", len(left), extra={"action": "drain"})
            for application in left:
                application.cancel()
            await asyncio.wait(left, timeout=LAST_SECONDS)
        await close()

    def log_action(self, protocol: Any, action: str, details: dict[str, Any]) -> None:
        """Log a request, without the ticket in its address."""
        if "path" in details:
            details = {**details, "path": tickets.masked(details["path"])}
        super().log_action(protocol, action, details)

    def _applications(self) -> list[asyncio.Future[None]]:
        """Return the applications that still run."""
        found = [details.get("application_instance") for details in self.connections.values()]
        return [application for application in found if application and not application.done()]

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass on what the application sends, then wait until the connection has taken it."""
        kind = message.get("type", "")
        if kind == "websocket.send":
            if protocol.state == protocol.STATE_CLOSING:
                return  # the client said good-bye a moment ago; daphne would raise
            if (text := message.get("text")) and self._follows(protocol):
                await self._send(protocol, text)
                return
        last = kind == "http.response.body" and not message.get("more_body", False)
        if last or kind == "websocket.close":
            _release(protocol)
        await super().handle_reply(protocol, message)
        if kind in {"http.response.start", "websocket.accept"}:
            _hold(protocol)
        else:
            await _taken(protocol)

    def _follows(self, protocol: Any) -> bool:
        """Return whether a WebSocket is there and can be sent ready-made frames."""
        details = self.connections.get(protocol)
        return details is not None and not details.get("disconnected") and frames.plain(protocol)

    async def _send(self, protocol: Any, text: str) -> None:
        """Send a text as the one frame that all who get it share."""
        if not frames.write(protocol, self._frames.of(text)):
            await _taken(protocol)


def _hold(protocol: Any) -> None:
    """Put a gate between the application and the connection's buffer."""
    socket = isinstance(protocol, WebSocketProtocol)
    transport = protocol.transport if socket else protocol.channel and protocol.channel.transport
    if transport is None or not transport.connected:
        return
    protocol.gate = Gate(transport)
    if socket:
        transport.unregisterProducer()  # the HTTP channel that this was before
        transport.registerProducer(protocol.gate, True)
    else:
        protocol.registerProducer(protocol.gate, True)
        # daphne would begin a second answer, and stop to look after connections over that.
        protocol.handle_exception = lambda _error: _cut(protocol)


def _release(protocol: Any) -> None:
    gate, protocol.gate = getattr(protocol, "gate", None), None
    if gate is None:
        return
    gate.stopProducing()
    if isinstance(protocol, WebSocketProtocol):
        protocol.transport.unregisterProducer()
    elif protocol.channel is not None:
        protocol.unregisterProducer()


async def _taken(protocol: Any) -> None:
    """Wait until the connection has taken what was sent; close one that takes nothing."""
    gate = getattr(protocol, "gate", None)
    if gate is not None and not await gate.passed():
        counters.add("slow_closes")
        _drop(protocol)


def _drop(protocol: Any) -> None:
    """Close a connection that takes nothing, with the code for it where there is one."""
    if isinstance(protocol, WebSocketProtocol):
        _release(protocol)
        if protocol.state == protocol.STATE_OPEN:
            # For a client that wakes up in time; then the connection is cut.
            protocol.closeHandshakeTimeout = FAREWELL_SECONDS
            protocol.serverClose(code=TooSlow.close_code)
    else:
        _cut(protocol)


def _cut(protocol: Any) -> None:
    if protocol.channel is not None:
        protocol.channel.transport.abortConnection()


class CommandLine(CommandLineInterface):  # type: ignore[misc]  # daphne has no types
    """daphne's command line, which runs this server."""

    server_class = Server


if __name__ == "__main__":
    CommandLine.entrypoint()
