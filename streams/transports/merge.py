"""Several sources as one, none of them asked for more than the reader takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import TypeVar

T = TypeVar("T")


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
