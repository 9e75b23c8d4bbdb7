"""`/ws/jobs/<id>/?after=<cursor>`, `/ws/feed/?after=<position>`: subscriptions as WebSocket frames.

A refusal is accepted, told why in an `error` frame and closed with its code: a browser cannot see
the status of a refused handshake.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from core.errors import BadCursor, BadRequest, NotFound, RepriseError
from core.problems import explain
from jobs.log import Cursor
from streams import process, wire
from streams.feed.subscription import FeedSubscription
from streams.followers import access
from streams.followers.registry import Follower
from streams.hub.subscription import Subscription
from streams.transports.http import granted_interval
from streams.transports.resume import Resume, requested_cursor

logger = logging.getLogger(__name__)

INTERNAL_ERROR = 4011  # come back with the cursor: the fault was ours
NORMAL = 1000
AGAIN_SECONDS = 1.0


class JobConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One socket that follows one job, from one cursor after the other."""

    channel_layer_alias = "none"  # names no layer: a socket has no channel of its own
    _serving: asyncio.Task[None] | None = None
    _follower: Follower | None = None

    async def connect(self) -> None:
        """Take the socket and start to serve it."""
        await self.accept()
        headers = dict(self.scope["headers"])
        last_event_id = headers.get(b"last-event-id", b"").decode("latin-1")
        self._start_serving(requested_cursor(last_event_id, self._query))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Start over from another cursor (`follow`); refuse everything else."""
        await self._stop_serving()
        try:
            after = _follow(text_data)
        except RepriseError as error:
            await self._refuse_socket(error)
        else:
            self._start_serving(after)

    async def disconnect(self, code: int) -> None:
        """Stop serving: the socket is gone."""
        await self._stop_serving()

    @property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)

    def _query_parameter(self, name: str) -> str | None:
        """Return the last value of a query parameter, None if it is absent."""
        found = self._query.get(name, [])
        return found[-1] if found else None

    def _start_serving(self, after: str) -> None:
        self._serving = asyncio.create_task(self._told_why(after))

    async def _stop_serving(self) -> None:
        task = self._serving
        while task is not None and not task.done():
            task.cancel()  # again where something has swallowed it: nobody must be served twice
            await asyncio.wait({task}, timeout=AGAIN_SECONDS)

    async def _told_why(self, after: str) -> None:
        try:
            await self._follow(after)
        except _Gone:
            return  # there is nobody to be told
        except Exception as exc:
            error = explain(exc)
            if error.close_code is None:
                logger.exception("a socket failed", extra={"action": "websocket"})
            await self._refuse_socket(error)

    async def _follow(self, after: str) -> None:
        job = access.job_id(self.scope["url_route"]["kwargs"]["job"])
        if self._follower is None:
            self._follower = await access.admit_follower(self.scope, job, "websocket")
        cursor = Resume.parse(after).cursor
        hub = await process.current_hub()
        heartbeat_s = granted_interval(self._query_parameter("heartbeat_s"), hub.heartbeat_seconds)
        head = await hub.check(job, cursor)
        subscription = Subscription(
            hub, job, cursor, head, notice=self._follower.notice, heartbeat_s=heartbeat_s
        )
        async with aclosing(subscription.items()) as items:
            async for item in items:
                await self._write_item(item)
                if isinstance(item, wire.Events):
                    hub.counters.sent("websocket", len(item), item.size)
        with suppress(OSError):
            await self.close(NORMAL)

    async def _write_item(self, item: wire.Item | wire.FeedItem) -> None:
        try:
            await self.base_send({"type": "websocket.send", "text": wire.websocket_frame(item)})
        except OSError as error:  # ASGI: what `send` raises once the client is gone
            raise _Gone from error

    async def _refuse_socket(self, error: RepriseError) -> None:
        with suppress(_Gone, OSError):
            await self._write_item(wire.Refusal(error))
            await self.close(error.close_code or INTERNAL_ERROR)


class FeedConsumer(JobConsumer):
    """One socket that follows the feed of all jobs, from one position after the other."""

    async def _follow(self, after: str) -> None:
        if self._follower is None:
            self._follower = await access.admit_follower(self.scope, None, "feed")
        cursor = Cursor.parse(after)
        if cursor.hash8:
            raise BadCursor("A position in the feed is a number; it has no hash.")
        hub, feed = await process.current_hub(), await process.current_feed()
        heartbeat_s = granted_interval(self._query_parameter("heartbeat_s"), hub.heartbeat_seconds)
        end = await feed.check(cursor.seq)
        subscription = FeedSubscription(
            feed, self._follower.principal.visibility, cursor.seq, end,
            notice=self._follower.notice, heartbeat_s=heartbeat_s,
        )  # fmt: skip
        async with aclosing(subscription.items()) as items:
            async for item in items:
                await self._write_item(item)
                if isinstance(item, wire.Summaries):
                    size = wire.utf8_size(item.websocket)
                    hub.counters.sent("feed", len(item.texts), size)


class _Gone(Exception):
    """The client is not there any more."""


class NowhereConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """What answers every other WebSocket address."""

    channel_layer_alias = "none"

    async def connect(self) -> None:
        """Say that there is nothing here."""
        await self.accept()
        error = NotFound()
        with suppress(OSError):
            await self.send(wire.websocket_frame(wire.Refusal(error)))
            await self.close(error.close_code)


def _follow(text: str | None) -> str:
    """Return the cursor of a `follow` message; BadRequest for any other message."""
    try:
        message: Any = json.loads(text or "")
    except (ValueError, RecursionError):
        raise BadRequest('Send JSON: {"kind":"follow","after":"<cursor>"}.') from None
    if not isinstance(message, dict) or message.get("kind") != "follow":
        raise BadRequest("The only kind of message that a follower sends is `follow`.")
    after = message.get("after")
    if isinstance(after, bool) or not isinstance(after, int | str):
        raise BadCursor
    return str(after)
