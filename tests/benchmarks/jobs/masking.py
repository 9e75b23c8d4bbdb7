"""A megabyte of output of a job with many secrets: how long other runs of its worker wait."""

from __future__ import annotations

import asyncio
import random
import string
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from jobs.events import NewEvent
from jobs.run.output import MAX_WAITING_CHARS, Output
from jobs.secrets.masking import Masks, Stream
from jobs.transports.output_copies import CHUNK
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

SECRETS, LINES, SIZE = 8, 2700, 1_000_000
Work = Callable[[Masks, str], Awaitable[None]]


def masking(testbed: Testbed, scale: float) -> list[Bar]:
    """1 MB of output, 8 secrets of 2,700 lines: in the masking thread, beside on the event loop"""
    chance = random.Random(1)
    letters = string.ascii_letters + "\\%&'\""
    secrets = [
        "\n".join("".join(chance.choices(letters, k=5)) for _ in range(LINES))
        for _ in range(SECRETS)
    ]
    numbers = range(int(SIZE * scale) // 40)
    output = "".join(f"line {number:9} of output {chance.random():.11f}\n" for number in numbers)
    masks = Masks(secrets)
    bare, ours = (asyncio.run(_measure(work, masks, output)) for work in (_on_the_loop, _as_output))
    return [
        Bar("longest wait of another task", ours[0] / bare[0], "", ours[0], bare[0], "ms"),
        Bar("time for all of it", ours[1] / bare[1], "", ours[1], bare[1], "ms"),
    ]


async def _measure(work: Work, masks: Masks, text: str) -> tuple[float, float]:
    """Return the longest wait of another task, and the time for the work, in ms."""
    began = time.perf_counter()
    async with _ticking() as waits:
        await work(masks, text)
    return max(waits) * 1000, (time.perf_counter() - began) * 1000


@asynccontextmanager
async def _ticking() -> AsyncIterator[list[float]]:
    waits: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            waits.append(time.perf_counter() - before)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    yield waits
    await asyncio.sleep(0)
    ticking.cancel()


async def _as_output(masks: Masks, text: str) -> None:
    async def send(events: list[NewEvent]) -> None:
        await asyncio.sleep(0)

    output = Output(NewEvent, send, masks)
    for at in range(0, len(text), CHUNK):
        output.write(text[at : at + CHUNK], "out")
        await output.drain()
    await output.close()


async def _on_the_loop(masks: Masks, text: str) -> None:
    stream = Stream(masks)
    for at in range(0, len(text), MAX_WAITING_CHARS):
        stream.feed(text[at : at + MAX_WAITING_CHARS])
        await asyncio.sleep(0)
    stream.close()
