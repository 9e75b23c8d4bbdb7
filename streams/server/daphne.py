"""daphne, with backpressure and a drain: `python -m streams.server` takes daphne's own arguments.

daphne writes whatever the application sends into the connection's buffer, however little of it the
client takes, so that one client that reads nothing grows the process without end
(https://github.com/django/daphne/issues/170). Here `send` returns once the connection has taken
what was sent, all but what the kernel buffers; a connection that takes nothing for 30 s is closed
(`too_slow`).

And daphne drops every connection at SIGTERM, WebSockets with no close frame
(https://github.com/django/daphne/issues/177; #38 holds the opposite, wrongly). Here followers are
sent off first (`streams.server.drain`), in the phase of Twisted's shutdown in which all still runs.
"""

from __future__ import annotations

import streams.server.daphne_reactor  # noqa: F401 - before daphne, which else installs another

# isort: split
import asyncio
import logging
import os
from typing import Any

import daphne.server
import django
from daphne.cli import CommandLineInterface
from twisted.internet.defer import Deferred

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django.setup()  # what is imported next has models

from jobs.access import tickets  # noqa: E402
from jobs.startup import start_process  # noqa: E402
from jobs.system_log.startup import record_settings_soon  # noqa: E402
from streams.server import daphne_frames, daphne_log, limits, patience  # noqa: E402
from streams.server.daphne_gate import buffered_bytes, socket_of, waiting_bytes  # noqa: E402
from streams.server.daphne_http import HttpFactory, HttpRequest  # noqa: E402
from streams.server.daphne_websocket import SocketFactory, SocketProtocol  # noqa: E402
from streams.server.drain import LAST_SECONDS, REQUEST_SECONDS, Drain, close_process, exit_soon  # noqa: E402
from streams.server.websocket_frames import Frames  # noqa: E402

logger = logging.getLogger(__name__)

BACKLOG = 1024  # followers that come back at once, before the process gets to them

# daphne's server makes its connections by these names.
daphne.server.HTTPFactory, daphne.server.WebSocketFactory = HttpFactory, SocketFactory


class Server(daphne.server.Server):  # type: ignore[misc]  # daphne has no types
    """daphne's server, whose `send` waits for the client, and which leaves in good order."""

    action_logger: Any

    def run(self) -> None:
        """Serve until a signal ends it."""
        self.transports: set[Any] = set()
        self._ports: list[Any] = []
        self._frames = Frames()
        if daphne_log.is_wanted():
            daphne_log.observe_twisted()
            if self.action_logger:
                self.action_logger = daphne_log.log_answer
        super().run()
        exit_soon()

    def listen_success(self, port: Any) -> None:
        """Bound the buffers of what connects, and keep the port, to close it before all else."""
        patience.limit_unsent(port.socket)
        port.socket.listen(BACKLOG)
        self._ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> Deferred[None]:
        """Go down, before Twisted stops; it waits for what this returns."""
        return Deferred.fromFuture(asyncio.ensure_future(self._go_down()))

    async def _go_down(self) -> None:
        drain = Drain()
        await drain.followers()
        for protocol in list(self.connections):
            if isinstance(protocol, SocketProtocol):
                protocol.send_off()
        for port in self._ports:
            port.stopListening()
        await drain.until(
            lambda: (
                not self._running_applications()
                and not any(map(waiting_bytes, self._open_transports()))
            ),
            REQUEST_SECONDS,
        )
        if left := self._running_applications():
            logger.warning("%d requests given up", len(left), extra={"action": "drain"})
            for application in left:
                application.cancel()
            await asyncio.wait(left, timeout=LAST_SECONDS)
        await drain.leave_to_kernel(
            lambda: [socket_of(one) for one in self._open_transports() if buffered_bytes(one)]
        )
        await close_process()

    def log_action(self, protocol: Any, action: str, details: dict[str, Any]) -> None:
        """Log a request, without the ticket in its address."""
        if "path" in details:
            details = {**details, "path": tickets.mask_ticket(details["path"])}
        super().log_action(protocol, action, details)

    def _running_applications(self) -> list[asyncio.Future[None]]:
        """Return the applications that still run."""
        found = [details.get("application_instance") for details in self.connections.values()]
        return [application for application in found if application and not application.done()]

    def _open_transports(self) -> list[Any]:
        """Return the transports of the connections that are open."""
        return [transport for transport in self.transports if transport.connected]

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass on what the application sends, then wait until the connection has taken it."""
        kind = message.get("type", "")
        if kind == "websocket.send":
            if protocol.state == protocol.STATE_CLOSING:
                raise ConnectionError("the connection is closing")
            details = self.connections.get(protocol, {"disconnected": True})
            takes = not details.get("disconnected") and daphne_frames.takes_frames(protocol)
            if (text := message.get("text")) and takes:
                frame = protocol.deflated_frame(text) or self._frames.of(text)
                if not daphne_frames.write_frame(protocol, frame):
                    await protocol.drained()
                return
        await super().handle_reply(protocol, message)
        if kind == "http.response.start" and isinstance(protocol, HttpRequest):
            protocol.hold()
        else:
            await protocol.drained()


class CommandLine(CommandLineInterface):  # type: ignore[misc]  # daphne has no types
    """daphne's command line, which runs this server."""

    server_class = Server

    def __init__(self) -> None:
        super().__init__()
        self.parser.set_defaults(
            websocket_connect_timeout=patience.HANDSHAKE_SECONDS,
            websocket_max_message_size=limits.MESSAGE_BYTES,
            websocket_max_frame_size=limits.MESSAGE_BYTES,
            ping_interval=patience.PING_SECONDS,
            ping_timeout=patience.PONG_SECONDS,
        )

    def _get_forwarded_host(self, args: Any) -> None:
        """Believe no proxy here: `core.proxies` does, where REPRISE_TRUSTED_PROXIES names it."""

    _get_forwarded_port = _get_forwarded_host


def main() -> None:
    """Serve until a signal ends it."""
    start_process("web")
    record_settings_soon("web")
    CommandLine.entrypoint()
