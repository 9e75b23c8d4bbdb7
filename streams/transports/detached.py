"""Answers that outlast Django's part in them.

A follower waits for minutes. For as long as an answer is under way Django keeps what the request
was made of: the request itself with its session and user, the body's file, the answer, tasks, the
frames of everybody who waits for it. None of that is of any use to somebody who only waits. So a
view here may hand over what remains to be done; Django then believes that the answer is complete,
with its headers as all middleware left them, and goes. What remains is done in its place by
`lasting`, the application around it, until the client has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Protocol

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.log import log_response

from core import problems
from streams.followers.registry import App, Message, Receive, Scope, Send
from streams.transports.http import explain_error

REST = "reprise.rest"
# As Django sends it: what is waiting for a client that takes little is not more than before.
CHUNK_BYTES = 64 * 1024
NOTHING: tuple[bytes, ...] = ()

# Sends what is left of an answer; gets the start of it, which has not been sent yet.
GoOn = Callable[[Message, Send], Awaitable[None]]
Make = Callable[[], Awaitable[HttpResponse]]


class Encoder(Protocol):
    """Makes of the parts of an answer what is sent of it."""

    def add(self, part: bytes, /) -> bytes:
        """Return what a part is sent as."""

    def end(self) -> bytes:
        """Return what the answer ends with."""


class DetachedResponse:
    """What remains to be done for one request when Django is through with it; mostly nothing."""

    __slots__ = ("_receive", "_send", "_start", "go_on", "gone")

    def __init__(self, receive: Receive, send: Send) -> None:
        self.go_on: GoOn | None = None
        self.gone = False
        self._start: Message | None = None
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """Receive for Django, and note that the client has left."""
        message = await self._receive()
        self.gone = self.gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """Send for Django; the start with what follows it, and nothing once there is a rest."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self.go_on is not None:
            return
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
        await self._send(message)

    async def finish(self) -> None:
        """Do what remains, until the client has left."""
        go_on, start, self.go_on, self._start = self.go_on, self._start, None, None
        if go_on is None or start is None or self.gone:
            return
        work = go_on(start, self._send)
        del go_on, start
        try:
            async with asyncio.timeout(None) as until_gone:
                listening = asyncio.create_task(_wait_for_disconnect(self._receive, until_gone))
                try:
                    await work
                finally:
                    listening.cancel()
        except TimeoutError:
            if not until_gone.expired():
                raise


def detach_responses(app: App) -> App:
    """Return an ASGI application around `app` that does what its views hand over."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        rest = DetachedResponse(receive, send)
        answering = app({**scope, REST: rest}, rest.receive, rest.send)
        del scope, receive, send  # an answer that lasts does not need them
        await answering
        del answering
        await rest.finish()

    return run


def detached_stream(
    request: HttpRequest,
    parts: AsyncGenerator[bytes, None],
    headers: Mapping[str, str],
    encoder: Encoder | None = None,
) -> HttpResponseBase:
    """Return an answer that consists of `parts`, as they come; to HEAD its headers alone.

    What `encoder` makes of them is sent instead.
    """
    if request.method == "HEAD":
        return HttpResponse(headers=dict(headers))

    async def go_on(start: Message, send: Send) -> None:
        await send(start)
        del start
        async with aclosing(parts):
            async for part in parts:
                part = part if encoder is None else encoder.add(part)
                for at in range(0, len(part), CHUNK_BYTES):
                    await send(_body_message(part[at : at + CHUNK_BYTES], more=True))
        await send(_body_message(b"" if encoder is None else encoder.end(), more=False))

    rest = _current_rest(request)
    if rest is None:
        body = parts if encoder is None else _encode_parts(parts, encoder)
    else:
        body = _handing_over(rest, go_on)
    return StreamingHttpResponse(body, headers=dict(headers))


async def _encode_parts(
    parts: AsyncGenerator[bytes, None], encoder: Encoder
) -> AsyncGenerator[bytes, None]:
    async with aclosing(parts):
        async for part in parts:
            yield encoder.add(part)
    yield encoder.end()


async def detached_response(request: HttpRequest, make: Make) -> HttpResponseBase:
    """Return an answer that `make` makes in its time, an error it raises being answered too.

    What middleware adds to an answer it adds now, not knowing yet what will be answered.
    """
    rest = _current_rest(request)
    if rest is None:
        return await make()
    path = request.path

    async def go_on(start: Message, send: Send) -> None:
        try:
            response = await make()
        except Exception as exc:  # noqa: BLE001 - the edge: logged, and answered
            response = problems.response(explain_error(path, exc))
            log_response("%s: %s", response.reason_phrase, path, response=response)
        response.headers["Content-Length"] = str(len(response.content))
        own = [(name.encode(), value.encode("latin-1")) for name, value in response.items()]
        names = {name.lower() for name, _ in own}
        added = [header for header in start["headers"] if header[0].lower() not in names]
        await send({**start, "status": response.status_code, "headers": added + own})
        await send(_body_message(response.content, more=False))

    return StreamingHttpResponse(_handing_over(rest, go_on))


async def _handing_over(rest: DetachedResponse, go_on: GoOn) -> AsyncGenerator[bytes, None]:
    """Yield nothing. Anyone who reads it means this answer, and no error in place of it."""
    rest.go_on = go_on
    for part in NOTHING:
        yield part


async def _wait_for_disconnect(receive: Receive, until_gone: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    until_gone.reschedule(asyncio.get_running_loop().time())


def _current_rest(request: HttpRequest) -> DetachedResponse | None:
    """Return the request's; None if nobody around Django would do it."""
    rest: DetachedResponse | None = getattr(request, "scope", {}).get(REST)
    return rest


def _body_message(part: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}
