"""This process's hub, made when the first follower comes: daphne has no lifespan to do it in."""

from __future__ import annotations

import asyncio
from functools import partial
from weakref import WeakKeyDictionary

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import channel_layers
from django.conf import settings

from jobs.access import hints, revalidate
from jobs.feed import hints as feed_hints
from jobs.feed.summaries import AsyncSummaries
from jobs.log import AsyncReader
from streams.counters import counters
from streams.feed.feed import Feed
from streams.followers.access import in_thread
from streams.followers.registry import current_followers
from streams.followers.revalidate import Revalidation
from streams.hub.coded_pages import CodedPages
from streams.hub.hub import Hub

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()
_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, Feed] = WeakKeyDictionary()
_pages: WeakKeyDictionary[asyncio.AbstractEventLoop, CodedPages] = WeakKeyDictionary()


async def current_hub() -> Hub:
    """Return the running loop's hub, started."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        config = settings.REPRISE
        reader = AsyncReader(config.database_url)
        feed = Feed(AsyncSummaries(reader), counters, poll_seconds=config.poll_seconds)
        _feeds[loop] = feed
        _pages[loop] = CodedPages(reader, counters, config.pages_bytes)
        recheck = Revalidation(
            current_followers(),
            lambda asked: in_thread(revalidate.find_refusals, asked),
            counters,
            seconds=config.access_seconds,
        )
        hub = _hubs[loop] = Hub(
            reader,
            # Not the shared one: the hub flushes its layer when that stops delivering.
            partial(channel_layers.make_backend, DEFAULT_CHANNEL_LAYER),
            counters=counters,
            heartbeat_seconds=config.heartbeat_seconds,
            poll_seconds=config.poll_seconds,
            listeners={hints.GROUP: recheck, feed_hints.GROUP: feed},
        )
    await hub.start()
    return hub


async def current_feed() -> Feed:
    """Return the running loop's view of the feed of all jobs, kept up by its hub."""
    await current_hub()
    return _feeds[asyncio.get_running_loop()]


async def current_pages() -> CodedPages:
    """Return the running loop's pages of history as they are sent, read as its hub reads."""
    await current_hub()
    return _pages[asyncio.get_running_loop()]


async def close_hub() -> None:
    """Stop the running loop's hub, where there is one."""
    hub = _hubs.pop(asyncio.get_running_loop(), None)
    if hub is not None:
        await hub.close()
