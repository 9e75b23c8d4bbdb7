"""uvicorn, the second server: `python -m streams.server_uvicorn core.asgi:application`.

It waits for its clients by itself. What is added is what `streams.server` adds to daphne too: a
connection that takes nothing for 30 s is closed, and followers are sent off before the process ends
(uvicorn tells them 1012 and waits without an end for streams).
"""

from __future__ import annotations

import asyncio
import os
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

import django
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django.setup()  # what is imported next has models

from core.errors import TooSlow  # noqa: E402
from streams.counters import counters  # noqa: E402
from streams.drain import REQUEST_SECONDS, Drain, close, exit_soon  # noqa: E402

SLOW_SECONDS = 30.0
FAREWELL_SECONDS = 1.0
MAX_MESSAGE_BYTES = 1024 * 1024  # daphne's limit


class Watch:
    """Looks after one transport while too much waits in it; calls `close` where none is taken."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], object]) -> None:
        self._transport = transport
        self._close = close
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin: more waits in the buffer than should."""
        self.stop()
        counters.add("blocked")
        loop = asyncio.get_running_loop()
        waiting = self._transport.get_write_buffer_size()
        self._timer = loop.call_later(SLOW_SECONDS, self._look, waiting)

    def stop(self) -> None:
        """End: it has been taken, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            counters.add("blocked", amount=-1)

    def _look(self, waiting: int) -> None:
        if self._transport.get_write_buffer_size() < waiting:
            self.start()
        else:
            counters.add("slow_closes")
            self._close()


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP connection, which does not wait for ever."""

    _watch: Watch | None = None

    def pause_writing(self) -> None:
        """Hold the application, and look at the clock."""
        super().pause_writing()
        if self._watch is None:
            self._watch = Watch(self.transport, self.transport.abort)
        self._watch.start()

    def resume_writing(self) -> None:
        """Let the application go on."""
        super().resume_writing()
        _stop(self._watch)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        _stop(self._watch)


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which does not wait for ever."""

    _watch: Watch | None = None

    def pause_writing(self) -> None:
        """Hold the application, and look at the clock."""
        super().pause_writing()
        if self._watch is None:
            self._watch = Watch(self.transport, self._too_slow)
        self._watch.start()

    def resume_writing(self) -> None:
        """Let the application go on."""
        super().resume_writing()
        _stop(self._watch)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        _stop(self._watch)

    def _too_slow(self) -> None:
        """Say why behind what was not taken, for a client that wakes up in time; then cut it."""
        if not self.close_sent and not self.transport.is_closing():
            self.conn.send_close(TooSlow.close_code or 1000)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)


def _stop(watch: Watch | None) -> None:
    if watch is not None:
        watch.stop()


class Server(uvicorn.Server):
    """uvicorn's server, which leaves in good order and then ends with 0."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send followers off while all is still open; then end as uvicorn does."""
        await Drain().followers()
        await super().shutdown(sockets)
        await close()
        self._captured_signals.clear()  # uvicorn would end by the signal that it got


def configuration(options: Namespace) -> uvicorn.Config:
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
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # each follower would have its own copy of each frame
        proxy_headers=options.proxy_headers,
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
        "--proxy-headers", action="store_true", help="believe a proxy on this machine"
    )
    parser.add_argument("application", help="module:name of the ASGI application")
    Server(configuration(parser.parse_args())).run()
    exit_soon()


if __name__ == "__main__":
    main()
