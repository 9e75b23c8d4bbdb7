"""The tasks of a hub: a failed one is logged, and those that must go on are started again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from core.log_context import fresh_context
from streams.counters import Counters

logger = logging.getLogger(__name__)

MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 2.0


class SupervisedTasks:
    """Tasks of one event loop, until `cancel_all`."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task, and keep it from being collected."""
        task = asyncio.create_task(work, context=fresh_context())
        self._tasks.add(task)
        task.add_done_callback(self._end_task)
        return task

    def keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start `run`, and again each time it ends, after a pause that grows while it fails."""
        self.start(self._restart_forever(name, run))

    async def cancel_all(self) -> None:
        """Cancel every task and wait until all have ended."""
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _restart_forever(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pause = MIN_PAUSE_SECONDS
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await run()
            except Exception as error:  # noqa: BLE001 - the loop's edge: it goes on
                logger.warning("%s failed: %r", name, error, extra={"action": "restart"})
            self._counters.add("restarts", name)
            if asyncio.get_running_loop().time() - started > 10 * MAX_PAUSE_SECONDS:
                pause = MIN_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("a task of the hub failed", exc_info=error, extra={"action": "hub_task"})
