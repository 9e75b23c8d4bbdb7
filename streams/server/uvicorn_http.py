"""uvicorn's HTTP connections: bounded in what they read, patient with those who read slowly.

uvicorn waits without an end for a first request and for the rest of one, and takes a head of any
length. Here a request is refused by its head, or as soon as it is too long or too slow, with an
answer; and the rest of it is thrown away until the client has read that, since a connection that
is closed with something unread is reset.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.errors import BadRequest, RepriseError, RequestTimedOut
from core.problems import body_too_large
from streams.counters import counters
from streams.server import limits, patience
from streams.server.uvicorn_flow import PatientProtocol


class Refused(Exception):
    """Ends the parsing of a request."""


class HttpProtocol(PatientProtocol, HttpToolsProtocol):
    """One connection: requests one after the other."""

    _arrival: limits.Arrival | None = None
    _in_head = False
    _body_bytes = 0
    _error: RepriseError | None = None
    _ending = False
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._clock = self.loop.call_later(patience.FIRST_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_clock()

    def data_received(self, data: bytes) -> None:
        """Read; what comes after the end is thrown away."""
        if self._ending:
            return
        before = self._arrival
        super().data_received(data)
        if before is None or self._arrival is not before:
            return  # where in `data` a request began is not known: its size counts from the next on
        before.received += len(data)
        if self._in_head:
            address = len(self.url)
            headers = max(before.received - address, 0)
            if error := limits.head_error(address, headers, len(self.headers)):
                self.refuse(error)

    def on_message_begin(self) -> None:
        """Note that a request begins to come."""
        self._arrival, self._in_head = limits.Arrival(), True
        self._look_at_arrival()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Hand a request to the application, unless its head is refused."""
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._stop_at(limits.head_error(len(self.url), size, len(self.headers)))
        for name, value in self.headers:
            if name == b"content-length":
                self._stop_at(limits.length_error(value))
        self._in_head, self._body_bytes = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, unless it is too much."""
        self._body_bytes += len(body)
        if self._body_bytes > limits.body_bytes():
            self._stop_at(body_too_large())
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is there."""
        self._arrival, self._in_head = None, False
        self._stop_clock()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or end when all has been taken."""
        super().on_response_complete()
        if self._waiting_bytes():
            self._watch_client()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._stop_clock()
        self._end_watch()
        super().handle_websocket_upgrade()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, once all has been taken."""
        if self._waiting_bytes():
            self._watch_client()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or is more than one may be."""
        self.refuse(self._error or BadRequest(msg))

    def refuse(self, error: RepriseError) -> None:
        """Answer, and read no further; the connection ends when the client has the answer."""
        if self._ending or self.transport.is_closing():
            return
        self._ending, self._arrival = True, None
        self._stop_clock()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self._in_head:
                self.transport.abort()  # another answer is under way: it cannot be said here
                return
            cycle.disconnected = True  # the application need not wait for the rest
            cycle.message_event.set()
        self.flow.resume_reading()
        self.transport.write(limits.refusal_response(error))
        self.transport.write_eof()
        self._clock = self.loop.call_later(patience.SLOW_SECONDS, self._end_connection)

    def _end_connection(self) -> None:
        if self._waiting_bytes():
            self._watch_client()
        else:
            self.transport.close()

    def _nothing_taken(self) -> None:
        if not self._waiting_bytes():
            if self._ending:
                self.transport.close()
            return
        if not self.transport.is_closing():
            counters.add("slow_closes")
        self.transport.abort()

    def _stop_at(self, error: RepriseError | None) -> None:
        if error is not None:
            self._error = error
            raise Refused

    def _look_at_arrival(self) -> None:
        self._stop_clock()
        if self._arrival is None:
            return
        if (left := self._arrival.seconds_left()) > 0:
            self._clock = self.loop.call_later(left, self._look_at_arrival)
        else:
            self.refuse(RequestTimedOut())

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
