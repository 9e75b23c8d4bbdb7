"""A followed job as this process knows it: its head, its ring, and who waits for more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from jobs.events.fold import TERMINAL
from jobs.log import Cursor, Head
from streams.followers.disconnect_notice import Notice
from streams.hub.batches import BOUNDS, Bounds, Ring

# After its followers have been woken, a job's next events gather for about as long as it takes to
# send something to each of them, times a few: then a busy job is sent in fewer, larger frames.
GATHER_SECONDS_A_FOLLOWER = 50e-6
LEAST_GATHER_SECONDS, MOST_GATHER_SECONDS = 0.001, 0.02
# A hint sent while a group was being joined may miss this process: that is no loss to count.
YOUNG_SECONDS = 2.0


class Signal:
    """Wakes everybody who waits: a condition without its lock, on one event loop.

    Look at the state, then wait, with no `await` between: then no wake is missed.
    """

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[bool]] = set()

    @property
    def awaited(self) -> bool:
        """Whether anybody waits now; others look at the state before they do."""
        return bool(self._waiters)

    def fire(self) -> None:
        """Wake all who wait now."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(True)

    async def wait(self, seconds: float, notice: Notice) -> bool:
        """Wait to be woken, `seconds` at most; return whether that is what happened.

        Something that is put into `notice` wakes as well. Wait inside its `resting`.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiters.add(waiter)
        notice.waiter = waiter
        notice.wait_until(loop.time() + max(seconds, 0))
        try:
            return await waiter
        finally:
            notice.waiter = None
            self._waiters.discard(waiter)


class Followed:
    """One job that somebody here follows. A follower is no part of it: it has its own cursor.

    `head` and `status` are the newest that the log, or a hint that fits the ring, has told; `ring`
    has the newest events, and is *behind* while it lacks some up to the head. Every change wakes
    `changed`: at once after a silence, else when more has gathered (20 ms at most). `outdated`: the
    log has turned out to be another than this one; followers check their cursors and follow again.
    `hinted`: a hint that does not fit came since the head was last read; `doubted`: something that
    contradicts the ring came since the log was last asked whether it has that.
    """

    def __init__(self, job: UUID, head: Head, bounds: Bounds = BOUNDS) -> None:
        self._bounds = bounds
        self.job = job
        self.head = head.seq
        self.status = head.status
        self._hash = head.hash  # of the event at `head`
        self.ring = Ring(head.seq, bounds, head.hash)
        self.outdated = False
        self.hinted = self.doubted = False
        self.changed = Signal()
        self.followers = 0
        self.since = self.idle_since = asyncio.get_running_loop().time()
        self.healing: asyncio.Task[None] | None = None
        self.looking: asyncio.Task[None] | None = None
        self.verifying: asyncio.Task[None] | None = None
        self.verified = -1  # where the ring ended, if the log has that since it was last doubted
        self._time = asyncio.get_running_loop().time
        self._gathers_until = 0.0
        self._waking: asyncio.TimerHandle | None = None

    @property
    def ring_end(self) -> Cursor:
        """The cursor of somebody who has all of the ring."""
        return Cursor(self.ring.last, self.ring.hash_at(self.ring.last)[:8] or None)

    @property
    def behind(self) -> bool:
        """Whether the ring lacks events that are known to be there."""
        return self.ring.last < self.head

    @property
    def terminal(self) -> bool:
        """Whether nothing follows `head`."""
        return self.status in TERMINAL

    @property
    def settled(self) -> bool:
        """Whether the ring has all there will ever be."""
        return self.terminal and not self.behind

    @property
    def young(self) -> bool:
        """Whether it has been followed for a moment only."""
        return self._time() - self.since < YOUNG_SECONDS

    def note(self, head: Head) -> None:
        """Take in where the head has come to; older news change nothing.

        Of two with the same seq, the later counts: the first may be of a log that has gone back.
        """
        if head.seq >= self.head:
            changed = (head.seq, head.status) != (self.head, self.status)
            self.head, self.status, self._hash = head.seq, head.status, head.hash
            if changed:
                self._schedule_wake()

    def agrees(self, head: Head) -> bool:
        """Return whether the ring can be of the history that has this head."""
        return self.ring.hash_at(head.seq) in ("", head.hash)

    def ends_at(self, cursor: Cursor) -> bool:
        """Return whether the job has ended, and with the event at this cursor."""
        fits = not (self._hash and cursor.hash8) or self._hash[:8] == cursor.hash8
        return self.terminal and cursor.seq == self.head and fits

    def contradicts(self, cursor: Cursor) -> bool:
        """Return whether the log must be another by now: it has an event beyond the end here.

        Or another event at the end.
        """
        return self.terminal and cursor.seq >= self.head and not self.ends_at(cursor)

    def extend(self, after: int, texts: Sequence[str]) -> None:
        """Add events to the ring; then, only then, wake those who wait for them."""
        if self.ring.extend(after, texts):
            self._schedule_wake()

    def retire(self) -> None:
        """Have everybody who waits look again: nothing more comes here."""
        self.outdated = True
        self.changed.fire()

    def skip(self) -> bool:
        """Give up a gap that is wider than the ring; return whether it was.

        The ring starts again at the head, and who is before it is served from the log.
        """
        if self.head - self.ring.last <= self._bounds.ring_events:
            return False
        self.ring = Ring(self.head, self._bounds, self._hash)
        self._schedule_wake()
        return True

    def _schedule_wake(self) -> None:
        if self._waking is not None or not self.changed.awaited:
            return
        if self._time() < self._gathers_until:
            loop = asyncio.get_running_loop()
            self._waking = loop.call_at(self._gathers_until, self._wake_followers)
        else:
            self._wake_followers()

    def _wake_followers(self) -> None:
        self._waking = None
        gather = min(self.followers * GATHER_SECONDS_A_FOLLOWER, MOST_GATHER_SECONDS)
        if gather >= LEAST_GATHER_SECONDS:
            self._gathers_until = self._time() + gather
        self.changed.fire()
