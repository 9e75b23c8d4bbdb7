"""What a kind's code returns and says may be anything: its job ends, its worker goes on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

import pytest

from core.db import in_thread
from jobs import commands
from jobs.run import Cancelled, JobFailed, Retry, Run, Step, StepFailed, SyncRun
from tests.integration import runs
from tests.integration.faults import Handler, araises, fates, somebody

pytestmark = pytest.mark.usefixtures("database", "scripts")


@pytest.fixture
def scripts() -> Iterator[None]:
    with runs.scripts():
        yield


class Evil(dict[str, Any]):
    """A result that ends the process that writes it down."""

    def items(self) -> NoReturn:
        sys.exit(4)


async def test_results_are_json_or_an_ordinary_failure() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    results = {
        "set": ({1}, "Object of type set is not JSON serializable"),
        "exits": (Evil(a=1), "SystemExit: 4"),
        "cyclic": (cyclic, "Circular reference detected"),
        "nan": (float("nan"), "Out of range float values are not JSON compliant"),
    }

    def step(result: Any) -> Handler:
        return lambda run: run.step("make", lambda _: result)

    def handler(result: Any) -> Handler:
        async def returns(_: Run) -> Any:
            return result

        return returns

    ended = await fates(*(step(result) for result, _ in results.values()))
    for one, (_, words) in zip(ended, results.values(), strict=True):
        assert words in one.failures[0]
    ended = await fates(*(handler(result) for result, _ in results.values()))
    for one, (_, words) in zip(ended, results.values(), strict=True):
        assert one.message.startswith("How the run ended cannot be stored: ")
        assert words in one.message


async def test_what_a_handler_says_of_its_failure_may_be_anything() -> None:
    errors = [JobFailed(5), JobFailed("no", 7), Unsayable("x"), StepFailed("a", None, {})]  # type: ignore[arg-type]  # that is what is tried
    ended = await fates(*map(araises, errors))
    assert {one.status for one in ended} == {"failed"}
    assert ended[0].message == "5"


class Unsayable(JobFailed):
    """Its message is a trap."""

    @property
    def message(self) -> str:
        sys.exit(6)

    @message.setter
    def message(self, _: str) -> None:
        """Forget it."""


async def test_output_must_be_text() -> None:
    async def handler(run: Run) -> None:
        await run.step("say", lambda step: step.output(b"bytes"))  # type: ignore[arg-type]  # that is what is tried

    [ended] = await fates(handler)
    assert "requires a 'str' object" in ended.failures[0]


async def test_plain_functions_cannot_wait_for_each_others_threads() -> None:
    """More at once than a default pool of threads has, each of which waits for another."""
    everybody = threading.Barrier(12)

    def handler(run: SyncRun) -> None:
        run.rollout([f"gs-{number}" for number in range(12)], partial(_meet, run), batch=12)

    def _meet(run: SyncRun, name: str) -> None:
        run.step("meet", lambda _: everybody.wait(), name)

    [ended] = await fates(handler, plain=True)
    assert ended.status == "succeeded"


async def test_a_policy_may_try_an_exit_again() -> None:
    async def handler(run: Run) -> str:
        await run.step("exit", _exits_once, retry=Retry(tries=2, wait=0))
        return "well"

    [ended] = await fates(handler)
    [retried] = [one for one in ended.events if one.type == "step.retried"]
    assert retried.data["error"] == {"type": "SystemExit", "message": "SystemExit: 2"}
    assert ended.status == "succeeded"


def _exits_once(step: Step) -> None:
    if step.number == 1:
        sys.exit(2)


async def test_a_handler_that_returns_while_its_job_is_stopped_is_cancelled() -> None:
    async def shrugs(run: Run) -> dict[str, str]:
        await run.step("begin", lambda _: None)
        await in_thread(commands.cancel, who, run.job)
        return {"message": "Two of three.", "more": "x"}

    async def swallows(run: Run) -> None:
        await in_thread(commands.cancel, who, run.job)
        for name in ("one", "two"):
            with suppress(Exception):
                await run.step(name, lambda _: None)

    who = await in_thread(somebody)
    async with runs.working():
        first = await runs.until(await runs.submit(who, shrugs), "succeeded", "cancelled")
        second = await runs.until(await runs.submit(who, swallows), "succeeded", "cancelled")
    assert (first.status, second.status) == ("cancelled", "cancelled")
    assert first.message == "Stopped on request. Two of three."
    [ending] = await runs.events(first.pk, "job.cancelled")
    assert ending.data["result"] == {"message": "Two of three.", "more": "x"}


async def test_a_stop_that_nobody_asked_for_is_a_failure() -> None:
    [ended] = await fates(araises(Cancelled("enough")))
    assert (ended.status, ended.message) == ("failed", "The handler broke: Cancelled: enough")
