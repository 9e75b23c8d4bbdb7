"""Several sources as one: nobody is asked ahead, nobody is left open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.transports.eventstream import merge_items
from tests.unit.hub_world import run


class Source:
    """Yields numbers after pauses; knows how often it was asked, and whether it was closed."""

    def __init__(self, *pauses: float) -> None:
        self.asked = 0
        self.closed = False
        self._pauses = pauses

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number, pause in enumerate(self._pauses):
                self.asked = number + 1
                await asyncio.sleep(pause)
                yield number
        finally:
            self.closed = True


@given(st.lists(st.lists(st.sampled_from([0, 0, 0.1, 3]), max_size=6), max_size=4))
@settings(deadline=None)
def test_everything_comes_once_and_each_source_in_its_order(pauses: list[list[float]]) -> None:
    async def story() -> None:
        sources = {str(n): Source(*these).items() for n, these in enumerate(pauses)}
        got: dict[str, list[int]] = {name: [] for name in sources}
        async for name, item in merge_items(sources):
            got[name].append(item)
        assert list(got.values()) == [list(range(len(these))) for these in pauses]

    run(story())


def test_a_source_is_asked_again_once_its_item_is_taken() -> None:
    async def story() -> None:
        one = Source(0, 0, 0)
        async with aclosing(merge_items({"one": one.items()})) as items:
            await anext(items)
            await asyncio.sleep(5)
            assert one.asked == 1
            await anext(items)
            assert one.asked == 2

    run(story())


def test_who_leaves_closes_all() -> None:
    async def story() -> None:
        sources = [Source(0, 0), Source(1e9)]
        async with aclosing(
            merge_items({str(n): s.items() for n, s in enumerate(sources)})
        ) as items:
            await anext(items)
        assert [source.closed for source in sources] == [True, True]

    run(story())


def test_what_one_raises_ends_all() -> None:
    async def failing() -> AsyncGenerator[int, None]:
        yield 0
        raise ConnectionError

    async def story() -> None:
        other = Source(0, 0, 1e9)
        with pytest.raises(ConnectionError):
            async for _ in merge_items({"failing": failing(), "other": other.items()}):
                pass
        assert other.closed

    run(story())
