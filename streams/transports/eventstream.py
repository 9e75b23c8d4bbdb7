"""`GET /events/?channel=job-<id>`: the request form and the messages of django-eventstream.

The package reads the request and its channel manager decides; what is sent comes from the hub, as
on every other transport. (Why not its own live path: docs/adr/0030.) Clients made for the package
work unchanged: events are messages with the id `<channel>:<cursor>`, comma-joined for several
channels, beside `stream-open`, `keep-alive`, `stream-reset` and `stream-error`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django_eventstream.eventrequest import EventRequest
from django_eventstream.utils import get_channelmanager, make_id, sse_encode_error, sse_encode_event

from core.errors import (
    BadCursor,
    BadRequest,
    CursorAhead,
    Forbidden,
    HistoryDiverged,
    NotFound,
    NotSignedIn,
    RepriseError,
    RetryLater,
)
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.log import Cursor, Head
from streams import process, wire
from streams.followers.access import in_thread, ticket_of
from streams.followers.registry import Follower, current_followers
from streams.hub.hub import Hub
from streams.hub.subscription import Subscription
from streams.transports.compression import compressed_stream
from streams.transports.eventstream_channels import MESSAGE, job_of
from streams.transports.http import STREAM_HEADERS, readable_view
from streams.transports.resume import Resume, last_event_id

TRANSPORT = "eventstream"
HEADERS = {"Content-Type": "text/event-stream", **STREAM_HEADERS}
OPEN = b"event: stream-open\ndata:\n\n"
START = Cursor(0)
KEEP_ALIVE = b"event: keep-alive\ndata:\n\n"

T = TypeVar("T")

# Parameters that a GRIP proxy adds; there is none in front of this service.
_GRIP = ("es-meta", "link", "recover")
_CONDITIONS = {
    "not_signed_in": "forbidden",
    "not_found": "forbidden",
    "bad_cursor": "bad-request",
    "internal": "internal-error",
}


@dataclass(slots=True)
class Channel:
    """A channel as it was asked for: from where its job is followed; `reset` where not as asked."""

    name: str
    job: UUID
    follower: Follower
    cursor: Cursor
    head: Head
    reset: bool = False
    ended: bool = False

    @property
    def over(self) -> bool:
        """Whether the client has everything, and nothing will follow."""
        at_end = self.head.terminal and self.cursor.seq == self.head.seq
        return not self.reset and (self.ended or at_end)


class ResumeNotAllowed(BadRequest):
    """The id is that of a `stream-error`: there is nothing to come back to."""


def _refuse_request(request: HttpRequest, error: RepriseError) -> HttpResponseBase:
    if isinstance(error, ResumeNotAllowed):  # the one answer at which an EventSource gives up
        return HttpResponse(error.message, status=error.status, content_type="text/plain")
    said = _come_again(error) if isinstance(error, RetryLater) else _error_text(error)
    return HttpResponse(said, headers=HEADERS)


@readable_view(_refuse_request)
async def events(request: HttpRequest) -> HttpResponseBase:
    """Follow up to ten jobs by their channels; 204 for who has all of them to the end."""
    limits, followers = settings.REPRISE, current_followers()
    seen = followers.check_capacity(limits)
    principal, asked = await in_thread(_parse_request, request)
    hub = await process.current_hub()
    channels = [
        await _check_channel(hub, principal, name, asked.channel_last_ids.get(name))
        for name in sorted(asked.channels)
    ]
    for channel in channels:
        followers.register(getattr(request, "scope", {}), channel.follower, limits, seen)
    if all(channel.over for channel in channels):
        return HttpResponse(status=204)
    return compressed_stream(request, _stream_messages(hub, channels), HEADERS)


def _parse_request(request: HttpRequest) -> tuple[Principal, EventRequest]:
    """Return who asks for what; Forbidden if the channel manager says no to any of it."""
    if ticket_of(request) is not None:
        raise NotSignedIn("A ticket opens the streams of its job, not this form of them.")
    principal = visibility.authenticate(request)
    if any(name in request.GET for name in _GRIP):
        raise BadRequest("Invalid request: there is no GRIP proxy here.")
    request.user = principal.user  # where a token signs in, the session has nobody
    if not request.META.get("HTTP_LAST_EVENT_ID"):  # the package knows one spelling in the query
        request.META["HTTP_LAST_EVENT_ID"] = last_event_id(dict(request.GET.lists()))
    try:
        asked = EventRequest(request)
    except EventRequest.ResumeNotAllowedError as error:
        raise ResumeNotAllowed(f"Invalid request: {error}.") from error
    except EventRequest.Error as error:
        raise BadRequest(f"Invalid request: {error}.") from error
    refused = sorted(name for name in asked.channels if not _can_read(principal, name))
    if refused:
        said = f"Permission denied to channels: {', '.join(refused)}"
        raise Forbidden(said, channels=refused)
    return principal, asked


def _can_read(principal: Principal, channel: str) -> bool:
    """Return whether the channel manager lets the user read a channel, and the scope the token."""
    if not get_channelmanager().can_read_channel(principal.user, channel):
        return False
    try:
        visibility.job_for(principal, job_of(channel))
    except NotFound:
        return False
    return True


async def _check_channel(hub: Hub, principal: Principal, name: str, last_id: str | None) -> Channel:
    """Return the channel at its id, or from its start where the log has no such place."""
    job = job_of(name)
    follower = Follower(TRANSPORT, principal, job)
    try:
        resume = Resume.parse(last_id or "0")
    except BadCursor as error:
        said = "Invalid request: Failed to parse Last-Event-ID or lastEventId."
        raise BadRequest(said) from error
    cursor = resume.cursor
    try:
        head = await hub.check(job, cursor)
        return Channel(name, job, follower, cursor, head, ended=resume.ended)
    except (CursorAhead, HistoryDiverged):
        return Channel(name, job, follower, START, await hub.check(job, START), reset=True)


async def _stream_messages(hub: Hub, channels: Sequence[Channel]) -> AsyncGenerator[bytes, None]:
    rotate_s = settings.REPRISE.rotate_seconds * random.uniform(0.8, 1)  # noqa: S311 - jitter
    ids = {channel.name: str(channel.cursor) for channel in channels}
    sources = {channel.name: _channel_items(hub, channel, rotate_s) for channel in channels}
    try:
        reset = [channel.name for channel in channels if channel.reset]
        opening = wire.sse_preface() + OPEN
        yield opening + _reset_text(reset, ids) if reset else opening
        async with aclosing(merge_items(sources)) as items:
            async for name, item in items:
                if isinstance(item, wire.Events):
                    messages = _encode_events(name, item, ids)
                    yield messages
                    hub.counters.sent(TRANSPORT, len(item), len(messages))
                elif isinstance(item, wire.Heartbeat):
                    yield KEEP_ALIVE
                elif isinstance(item, wire.Refusal):  # the channel begins again
                    ids[name] = str(START)
                    yield _reset_text([name], ids)
    except RetryLater as error:
        yield _come_again(error)
    except RepriseError as error:
        yield _error_text(error)


async def _channel_items(
    hub: Hub, channel: Channel, rotate_s: float
) -> AsyncGenerator[wire.Item, None]:
    """Yield what is for one channel; an error says for which.

    A refusal where the log turns out to be another than before: what follows is from its start.
    """
    cursor, head = channel.cursor, channel.head
    while True:
        subscription = Subscription(
            hub, channel.job, cursor, head, notice=channel.follower.notice, rotate_s=rotate_s
        )
        try:
            async with aclosing(subscription.items()) as items:
                async for item in items:
                    yield item
            return
        except Forbidden as error:
            raise Forbidden(error.message, channels=[channel.name]) from error
        except (CursorAhead, HistoryDiverged) as error:
            cursor, head = START, await hub.check(channel.job, START)
            yield wire.Refusal(error)


async def merge_items(
    sources: Mapping[str, AsyncGenerator[T, None]],
) -> AsyncGenerator[tuple[str, T], None]:
    """Yield what every source yields, with its name, as it comes; each source in its own order.

    A source is asked for its next item when the one before has been taken, so that a cursor which
    moves on being asked never runs ahead. What one raises ends all of them; every source is closed
    when this is.
    """
    asked = {_ask_next(items): name for name, items in sources.items()}
    try:
        while asked:
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                item = task.result()
                name = asked.pop(task)
                if item is None:
                    continue
                yield name, item
                asked[_ask_next(sources[name])] = name
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        for items in sources.values():
            await items.aclose()


def _ask_next(items: AsyncGenerator[T, None]) -> asyncio.Task[T | None]:
    async def ask() -> T | None:
        return await anext(items, None)

    return asyncio.create_task(ask())


def _reset_text(names: Sequence[str], ids: dict[str, str]) -> bytes:
    """Return the `stream-reset` of channels that begin again from their start."""
    said: str = sse_encode_event(
        "stream-reset", {"channels": names}, make_id(ids), json_encode=True
    )
    return said.encode()


def _encode_events(name: str, events: wire.Events, ids: dict[str, str]) -> bytes:
    """Return one message an event; `ids` is moved along: each id names a place in every channel."""
    messages = []
    for seq, text in enumerate(events.texts, events.after + 1):
        ids[name] = f"{seq}-{wire.hash_prefix(text)}"
        messages.append(f"event: {MESSAGE}\nid: {make_id(ids)}\ndata: {text}\n\n")
    return "".join(messages).encode()


def _error_text(error: RepriseError) -> bytes:
    """Return the `stream-error` of a refusal that is final; its id forbids to come back."""
    condition = _CONDITIONS.get(error.code, error.code.replace("_", "-"))
    encoded: str = sse_encode_error(condition, error.message, extra=error.extra)
    return encoded.encode()


def _come_again(error: RetryLater) -> bytes:
    """Return what makes a client come back later with its id: no message, only when to try."""
    return f": {error.code}\nretry: {round((error.retry_after_s or 1) * 1000)}\n\n".encode()
