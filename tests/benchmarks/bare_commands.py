"""asyncio alone: runs a command so many times, so many at once, and says what CPU that took it."""

from __future__ import annotations

import asyncio
import resource
import sys
from asyncio.subprocess import DEVNULL, PIPE


async def main(count: int, at_once: int, argv: list[str]) -> None:
    """Run it; print the seconds of CPU of this process, without those of its children."""
    room = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with room:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
            )
            await process.communicate()

    before = _cpu()
    await asyncio.gather(*(one() for _ in range(count)))
    print(_cpu() - before)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
