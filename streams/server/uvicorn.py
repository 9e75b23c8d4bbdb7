"""uvicorn, the second server: `python -m streams.server_uvicorn core.asgi:application`.

It waits for its clients by itself. What is added is what `streams.server.daphne` adds to daphne:
a connection that takes nothing for 30 s is closed, and followers are sent off before the process
ends (uvicorn tells them 1012 and waits without an end for streams).
"""

from __future__ import annotations

import os
import socket
from argparse import ArgumentParser, Namespace
from typing import Any

import django
import uvicorn

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django.setup()  # what is imported next has models

from jobs.startup import start_process  # noqa: E402
from jobs.system_log.startup import record_settings_soon  # noqa: E402
from streams.server import limits, patience  # noqa: E402
from streams.server.drain import REQUEST_SECONDS, Drain, close_process, exit_soon  # noqa: E402
from streams.server.uvicorn_http import HttpProtocol  # noqa: E402
from streams.server.uvicorn_websocket import SocketProtocol  # noqa: E402


class Server(uvicorn.Server):
    """uvicorn's server, which leaves in good order and then ends with 0."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with a bound on what the kernel buffers for each connection."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                patience.limit_unsent(listening)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send followers off while all is still open; then end as uvicorn does."""
        drain = Drain()
        await drain.followers()
        for connection in list(self.server_state.connections):
            if isinstance(connection, SocketProtocol):
                connection.send_off()
        await super().shutdown(sockets)
        await drain.leave_to_kernel(self._unsent_sockets)
        await close_process()
        self._captured_signals.clear()  # uvicorn would end by the signal that it got

    def _unsent_sockets(self) -> list[Any]:
        """Return the sockets for which something waits in this process."""
        transports: list[Any] = [one.transport for one in self.server_state.connections]
        return [
            transport.get_extra_info("socket")
            for transport in transports
            if transport.get_write_buffer_size()
        ]


def make_config(options: Namespace) -> uvicorn.Config:
    """Return uvicorn's configuration."""
    return uvicorn.Config(
        options.application,
        host=options.bind,
        port=options.port,
        uds=options.unix_socket,
        loop="uvloop",
        http=HttpProtocol,
        ws=SocketProtocol,
        lifespan="off",
        ws_max_size=limits.MESSAGE_BYTES,
        ws_per_message_deflate=False,  # `streams.server.uvicorn_deflate` does it
        ws_ping_interval=patience.PING_SECONDS,
        ws_ping_timeout=patience.PONG_SECONDS,
        timeout_keep_alive=round(patience.IDLE_SECONDS),
        proxy_headers=False,  # `core.proxies` believes those that REPRISE_TRUSTED_PROXIES names
        server_header=False,
        access_log=False,
        log_config=None,  # Django's, which masks secrets
        log_level="warning",  # below that it tells each socket's whole address, ticket and all
        timeout_graceful_shutdown=round(REQUEST_SECONDS),
    )


def main() -> None:
    """Serve until a signal ends it."""
    parser = ArgumentParser(prog="python -m streams.server_uvicorn")
    parser.add_argument("-b", "--bind", default="127.0.0.1", help="address to listen on")
    parser.add_argument("-p", "--port", type=int, default=8000, help="port to listen on")
    parser.add_argument("-u", "--unix-socket", help="socket file to listen on instead")
    parser.add_argument(
        "--proxy-headers", action="store_true", help="ignored: see REPRISE_TRUSTED_PROXIES"
    )
    parser.add_argument("application", help="module:name of the ASGI application")
    start_process("web")
    record_settings_soon("web")
    Server(make_config(parser.parse_args())).run()
    exit_soon()
