"""A test of the test: faults at the seam between history and news, each of which the stories find.

The stories are the same at every run; the first that shows a fault is enough.

A swap of two lines in `Subscription.items` would be no third fault: a generator rests while its
item is sent, so that the cursor can only be moved too early by who chooses what is next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from jobs.log import Head, group_name
from streams.hub.continuity import Continuity
from streams.hub.followed import Followed
from streams.hub.hub import Hub
from streams.hub.subscription import Subscription
from streams.wire import Events, Item
from tests.unit.hub_stories import (
    HINTS_ALONE,
    RESTORED,
    TROUBLED,
    Parts,
    Story,
    World,
    by_hints_alone,
    troubled,
)

SAME = settings(
    derandomize=True, database=None, phases=[Phase.generate], deadline=None, max_examples=500
)


class ReadsFirst(Hub):
    """Subscribe after read: the head is read, and then the job's group is joined."""

    async def _join_group(self, live: Followed) -> None:
        async def not_yet(group: str) -> None:
            pass

        join = self._link.join
        self._link.join = not_yet  # type: ignore[method-assign]  # for as long as it reads
        await super()._join_group(live)
        self._link.join = join  # type: ignore[method-assign]
        await join(group_name(live.job))


class WakesFirst(Followed):
    """Wake before extend: who is woken looks, and the events are not there yet."""

    def extend(self, after: int, texts: Sequence[str]) -> None:
        self.changed.fire()
        asyncio.get_running_loop().call_soon(lambda: self.ring.extend(after, texts))


class MovesAtThePage(Subscription):
    """Cursor moved before send: over a page of the log, when it is asked for."""

    async def _from_log(self, live: Followed) -> Events | None:
        events = await super()._from_log(live)
        if events is None:  # it could not be read, or not soon
            size = self._hub.history._bounds.page_events
            self._seq = min((self._seq // size + 1) * size, live.head)
        return events


class MovesAtTheFrame(Subscription):
    """Cursor moved before send: to where the ring ends, when a frame is cut from it."""

    async def _next_item(self, live: Followed) -> Item | None:
        item = await super()._next_item(live)
        self._end = live.ring.last
        return item

    def _mark_sent(self, item: Item) -> None:
        super()._mark_sent(item)
        if isinstance(item, Events):
            self._seq = max(self._seq, self._end)


class ForgetsNothing(Hub):
    """A log that went back is noticed, and what was known of it is kept."""

    def _drop_history(self, job: UUID, head: Head | None) -> None:
        pass


class TakesAny(Continuity):
    """Any events are sent after the last ones, whatever history they are of."""

    async def fits(self, hub: Hub, events: Events) -> bool:
        return True


@dataclass(frozen=True)
class Mutation:
    """Parts with a mutant among them, and the stories that must not end well with it."""

    parts: Parts
    stories: st.SearchStrategy[Story]
    tell: Callable[[Story, Parts], World]
    found: set[str]


WAITS = {"somebody waits for ever"}
GAP = {"a gap, or something twice", "a milestone at another place"}
OTHER = {"another history"}
MUTATIONS = {
    "subscribe after read": Mutation(Parts(hub=ReadsFirst), HINTS_ALONE, by_hints_alone, WAITS),
    "wake before extend": Mutation(Parts(followed=WakesFirst), HINTS_ALONE, by_hints_alone, WAITS),
    "cursor moved before send: page": Mutation(
        Parts(subscription=MovesAtThePage), TROUBLED, troubled, GAP
    ),
    "cursor moved before send: frame": Mutation(
        Parts(subscription=MovesAtTheFrame), TROUBLED, troubled, GAP
    ),
    "log goes back: nothing is dropped": Mutation(
        Parts(hub=ForgetsNothing), RESTORED, troubled, WAITS | OTHER
    ),
    "log goes back: any events are sent": Mutation(
        Parts(continuity=TakesAny), RESTORED, troubled, OTHER
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_at_the_seam_is_found(name: str) -> None:
    mutation = MUTATIONS[name]
    found: list[str] = []

    @SAME
    @given(mutation.stories)
    def tell(story: Story) -> None:
        if not found:
            try:
                mutation.tell(story, mutation.parts)
            except AssertionError as violation:
                found.append(str(violation))

    tell()
    assert {reported.partition("\n")[0] for reported in found} & mutation.found
