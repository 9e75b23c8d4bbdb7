"""`/ws/feed/?after=<position>`: the feed of all jobs as WebSocket frames."""

from __future__ import annotations

from contextlib import aclosing

from core.errors import BadCursor
from jobs.log import Cursor
from streams import process, wire
from streams.feed.subscription import FeedSubscription
from streams.followers import access
from streams.transports.heartbeat_interval import granted_interval
from streams.transports.websocket import JobConsumer

TRANSPORT = "feed"


class FeedConsumer(JobConsumer):
    """One socket that follows the feed, from one position after the other."""

    async def _follow(self, after: str) -> None:
        if self._follower is None:
            self._follower = await access.admit_follower(self.scope, None, TRANSPORT)
        position = _parse_position(after)
        hub, feed = await process.current_hub(), await process.current_feed()
        heartbeat_s = granted_interval(self._query_parameter("heartbeat_s"), hub.heartbeat_seconds)
        end = await feed.check(position)
        subscription = FeedSubscription(
            feed, self._follower.principal.sight, position, end,
            notice=self._follower.notice, heartbeat_s=heartbeat_s,
        )  # fmt: skip
        async with aclosing(subscription.items()) as items:
            async for item in items:
                await self._write_item(item)
                if isinstance(item, wire.Summaries):
                    size = wire.utf8_size(item.websocket())
                    hub.counters.sent(TRANSPORT, len(item.texts), size)


def _parse_position(after: str) -> int:
    cursor = Cursor.parse(after)
    if cursor.hash8:
        raise BadCursor("A position in the feed is a number; it has no hash.")
    return cursor.seq
