"""A job kind whose code misbehaves, each of its runs in one way, for chaos and tests."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import BaseModel, Field

from jobs.kinds import Kind
from jobs.run import Run, Step

PATH = "tests.chaos.kinds.Faulty"
STEP = "misbehave"
BLOCKED_SECONDS = 8.0  # more than two leases of chaos and tests


class Own(BaseException):
    """What no `except Exception` catches."""


class Mute(Exception):
    """Its message cannot be had."""

    def __str__(self) -> str:
        raise ValueError("no words")


async def _exit(_: Step) -> NoReturn:
    sys.exit(2)


async def _exit_in_a_task(_: Step) -> None:
    await asyncio.create_task(_exit(_))


async def _exit_in_a_callback(_: Step) -> None:
    asyncio.get_running_loop().call_soon(sys.exit, 2)
    await asyncio.sleep(0)
    raise RuntimeError("the loop went on")


async def _cancel(_: Step) -> None:
    if task := asyncio.current_task():
        task.cancel()
    await asyncio.sleep(0)


async def _base(_: Step) -> NoReturn:
    raise Own("mine")


async def _mute(_: Step) -> NoReturn:
    raise Mute


def _stop_iteration(_: Step) -> Any:
    return next(iter([]))


async def _stop_iteration_in_a_thread(_: Step) -> Any:
    return await asyncio.to_thread(next, iter([]))


async def _block(_: Step) -> None:
    time.sleep(BLOCKED_SECONDS)  # noqa: ASYNC251 - that is the fault
    raise RuntimeError("the loop was blocked")


def _kill(_: Step) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a step does, and the words that its run ends with."""

    does: Callable[[Step], Awaitable[Any] | Any]
    words: str


KILL = "kill-worker"
BLOCK = "block-the-loop"
FAULTS: Mapping[str, Fault] = {
    "exit": Fault(_exit, "SystemExit: 2"),
    KILL: Fault(_kill, "ended without a word, with the worker"),
    "exit-in-a-task": Fault(_exit_in_a_task, "SystemExit: 2"),
    "exit-in-a-callback": Fault(_exit_in_a_callback, "the loop went on"),
    "own-cancel": Fault(_cancel, "CancelledError: cancelled by its own code"),
    "base-exception": Fault(_base, "Own: mine"),
    "stop-iteration": Fault(_stop_iteration, "StopIteration"),
    "stop-iteration-in-a-thread": Fault(_stop_iteration_in_a_thread, "StopIteration"),
    "mute": Fault(_mute, "its message cannot be shown: str() raised ValueError"),
    BLOCK: Fault(_block, "the loop was blocked"),
}


class FaultyParams(BaseModel):
    """In which way it misbehaves."""

    fault: str = Field("exit", pattern="|".join(FAULTS))


class Faulty(Kind[FaultyParams]):
    """Runs one step, which does what it must not."""

    name = "chaos-faulty"
    title = "Misbehave"
    staff_only = True
    Params = FaultyParams

    async def run(self, run: Run, params: FaultyParams) -> None:
        """Do it; the run must end as failed, with its words."""
        await run.step("begin", lambda _: None)
        await run.step(STEP, FAULTS[params.fault].does)
