"""The event loop of a worker process, which outlives what kinds' code does to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from core.user_code import contained

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


def run_loop(main: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine to its end, as `asyncio.run` does.

    An exit that is raised in another task or in a callback of the loop (a kind that makes its own)
    ends that, and not the loop. So `main` handles signals by `loop.add_signal_handler`: no signal
    raises here.
    """
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_default_executor(_Threads(thread_name_prefix="kind"))
        serving = loop.create_task(main(loop))
        while True:
            try:
                return loop.run_until_complete(serving)
            except (SystemExit, KeyboardInterrupt, RuntimeError) as error:
                if serving.done():
                    raise
                logger.error("a kind's own task raised: %r", error, extra={"action": "loop"})


class _Threads(ThreadPoolExecutor):
    """What `asyncio.to_thread` uses: it raises nothing that a future cannot carry."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def call() -> T:
            with contained():
                return fn(*args, **kwargs)

        return super().submit(call)
