"""Everybody who follows in this process: let in by the limits, sent off when it goes down.

A follower is in here for as long as its connection's ASGI application runs (`freeing`), so that its
slot is freed however that ends: a view that is cancelled before it answers, a body that nobody ever
starts to read, a transport that fails.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from core.config import Config
from core.errors import GoingDown
from jobs.access.visibility import Principal
from streams.counters import Counters, counters
from streams.followers.disconnect_notice import Notice
from streams.followers.limits import Bucket, over_limit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HELD = "reprise.followers"
LONG_POLL = "longpoll"
# How many exports read at a time. A second one, since a search for what is rare takes its time.
EXPORTS_AT_ONCE = 2
# How many searches look through a page at a time.
SEARCHES_AT_ONCE = 1


@dataclass(eq=False, slots=True)
class Follower:
    """An open connection that follows a job, or with `job` None the feed of all jobs."""

    transport: str
    principal: Principal
    job: UUID | None
    notice: Notice = field(default_factory=Notice)


class Followers:
    """The followers of one process (one event loop)."""

    def __init__(self, counters: Counters) -> None:
        self.changes = 0
        self.export_turns = asyncio.Semaphore(EXPORTS_AT_ONCE)
        self.search_turns = asyncio.Semaphore(SEARCHES_AT_ONCE)
        self._counters = counters
        self._open: set[Follower] = set()
        self._of_user: Counter[int] = Counter()
        self._of_job: Counter[UUID] = Counter()
        self._bucket = Bucket()
        self._down_at: float | None = None
        self._doubtful: set[int] | None = set()
        self._doubt = asyncio.Event()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._open)

    @property
    def going_down(self) -> bool:
        """Whether this process takes nobody any more."""
        return self._down_at is not None

    def check_capacity(self, limits: Config) -> int:
        """Ask to come in before any work is done for that; return `changes`, for `register`.

        Raises GoingDown and OverLimit. Takes a token of those that a second brings.
        """
        self._refuse_without_room(limits)
        rate = limits.new_followers_per_second
        if rate and not self._bucket.take(_loop_time(), rate):
            self._counters.add("refused", "rate")
            raise over_limit("connect at once. Try again in a moment", 1, 3)
        return self.changes

    def register(
        self, scope: Mapping[str, Any], follower: Follower, limits: Config, seen: int
    ) -> None:
        """Let a follower in who may read; `seen` is what `check_capacity` returned.

        It leaves when the application ends that has `scope` (`freeing`); without that around it, a
        follower is not counted. Raises GoingDown and OverLimit.
        """
        self._refuse_without_room(limits)
        user = follower.principal.user.pk
        most, most_of_job = limits.max_followers_per_user, limits.max_followers_per_job
        if most and self._of_user[user] >= most:
            self._over_limit("user", "of yours on this server")
        if most_of_job and follower.job and self._of_job[follower.job] >= most_of_job:
            self._over_limit("job", "of this job on this server")
        held: list[Follower] | None = scope.get(HELD)
        if held is None:
            return
        held.append(follower)
        self._open.add(follower)
        self._change_count(follower, 1)
        if self.changes != seen:
            # Somebody's access changed while this one's was looked up: who knows which came first.
            self.mark_stale([user])

    def leave(self, follower: Follower) -> None:
        """Take a follower out; harmless where it is not in."""
        if follower in self._open:
            self._open.discard(follower)
            self._change_count(follower, -1)

    def mark_stale(self, users: Collection[int] | None) -> None:
        """Have these users' followers (None: all) asked at once whether they may still follow."""
        self.changes += 1
        if users is None or self._doubtful is None:
            self._doubtful = None
        else:
            self._doubtful |= set(users)
        self._doubt.set()

    async def wait_for_stale(self, seconds: float) -> list[Follower]:
        """Wait for doubts, `seconds` at most; return whom they concern."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._doubt.wait()
        except TimeoutError:
            return []
        self._doubt.clear()
        users, self._doubtful = self._doubtful, set()
        return [one for one in self._open if users is None or one.principal.user.pk in users]

    def all(self) -> list[Follower]:
        """Return everybody."""
        return list(self._open)

    def go_down(self, seconds: float) -> None:
        """Take nobody any more; have everybody told to come back, spread over `seconds`.

        Evenly, in an order of chance: they must not all come to the next process at one moment. A
        long poll is answered at once: its client is back at once as well, and told when to come.
        Called again, it can only be sooner.
        """
        loop = asyncio.get_running_loop()
        self._down_at = loop.time() + seconds
        streams = [one for one in self._open if one.transport != LONG_POLL]
        for one in self._open.difference(streams):
            one.notice.give(GoingDown())
        random.shuffle(streams)
        for place, one in enumerate(streams):
            moment = (place + random.random()) / len(streams) * seconds  # noqa: S311 - jitter
            loop.call_later(moment, one.notice.give, GoingDown())

    def _refuse_without_room(self, limits: Config) -> None:
        if self._down_at is not None:
            self._counters.add("refused", "going_down")
            left = max(self._down_at - _loop_time(), 0)
            jitter = random.uniform(0.5, 2)  # noqa: S311 - not for secrets
            raise GoingDown(retry_after_s=round(left + jitter, 1))
        if limits.max_followers and len(self._open) >= limits.max_followers:
            self._over_limit("process", "on this server")

    def _over_limit(self, limit: str, whose: str) -> None:
        self._counters.add("refused", limit)
        raise over_limit(f"{whose}. Try again later", 5, 15)

    def _change_count(self, follower: Follower, amount: int) -> None:
        self._counters.add("followers", follower.transport, amount)
        _add_count(self._of_user, follower.principal.user.pk, amount)
        if follower.job is not None:
            _add_count(self._of_job, follower.job, amount)


_here: WeakKeyDictionary[asyncio.AbstractEventLoop, Followers] = WeakKeyDictionary()


def current_followers() -> Followers:
    """Return the running loop's followers."""
    return _here.setdefault(asyncio.get_running_loop(), Followers(counters))


def release_on_exit(app: App) -> App:
    """Wrap an ASGI application: followers registered by its scope leave when it ends."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        followers = current_followers()
        held: list[Follower] = []
        if followers.going_down and scope["type"] == "http":
            send = _last_answer(send)
        running = app({**scope, HELD: held}, receive, send)
        del scope, receive, send  # not to hold what `app` may let go long before its end
        try:
            await running
        finally:
            for follower in held:
                followers.leave(follower)

    return run


def _last_answer(send: Send) -> Send:
    """Close kept-alive connections, so that clients reconnect to another process."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"Connection", b"close")]
        await send(message)

    return closing


def _add_count(counts: Counter[Any], key: Hashable, amount: int) -> None:
    counts[key] += amount
    if not counts[key]:
        del counts[key]


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
