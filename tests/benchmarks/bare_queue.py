"""procrastinate alone: a task that does nothing, and `python -m …` to run a worker for it."""

from __future__ import annotations

import asyncio
import os
import signal

from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONValue

QUEUE = "bench"
TASK = "bench.nothing"
AT_ONCE = 32


def app(url: str) -> App:
    """Return an app before a database, with the task."""
    made = App(connector=PsycopgConnector(conninfo=url))

    @made.task(name=TASK, queue=QUEUE)
    async def nothing(number: int) -> None:
        """Do nothing."""

    return made


async def defer(url: str, count: int) -> None:
    """Queue the task so many times, in one go."""
    async with app(url).open_async() as opened:
        task = opened.configure_task(TASK, queue=QUEUE)
        wishes: list[dict[str, JSONValue]] = [{"number": number} for number in range(count)]
        await task.batch_defer_async(*wishes)


async def _work() -> None:
    """Work as our worker lets procrastinate work, until SIGTERM."""
    async with app(os.environ["DATABASE_URL"]).open_async() as opened:
        work = asyncio.create_task(
            opened.run_worker_async(
                queues=[QUEUE],
                concurrency=AT_ONCE,
                fetch_job_polling_interval=1.0,
                delete_jobs=os.environ["BENCH_DELETE"],
                install_signal_handlers=False,
                shutdown_graceful_timeout=1.0,
            )
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
        await asyncio.gather(work, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_work())
