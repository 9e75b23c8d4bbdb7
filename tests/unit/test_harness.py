"""The test harness for kinds: what happens to a run is what the test says, and takes no time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from core.errors import InvalidParams
from jobs.events.recording import broken_at
from jobs.kinds import Kind
from jobs.replay import harness
from jobs.replay.handler import replay_handler
from jobs.replay.harness import StuckRun, UnnamedStep, each_try
from jobs.replay.history import load_history
from jobs.run import JobFailed, Retry, Run, Step, StepFailed
from jobs.secrets import Secret
from tests.unit.replayed_kinds import kind_of, ran, work


async def fetches(run: Run) -> Any:
    got = [await run.step("fetch", work, name, retry=Retry(3)) for name in ("gs-1", "gs-2")]
    return {"got": got, "message": "Fetched."}


async def test_it_returns_how_the_run_ended_and_its_steps() -> None:
    done = await harness.run(kind_of(fetches), steps={"fetch": 1, ("fetch", "gs-2"): [2]})
    assert (done.status, done.message) == ("succeeded", "Fetched.")
    assert done.result == {"got": [1, [2]], "message": "Fetched."}
    assert [step.target for step in done.steps("fetch")] == ["gs-1", "gs-2"]
    assert [step.result for step in done.steps(target="gs-2")] == [[2]]
    assert [event.seq for event in done.events] == list(range(1, len(done.events) + 1))


def test_a_step_that_is_not_named_runs_its_own_function() -> None:
    assert ran(fetches, steps={("fetch", "gs-1"): "x"}).result["got"] == ["x", "FETCH"]


def test_only_named_steps_may_run_if_the_test_says_so() -> None:
    async def careless(run: Run) -> None:
        try:
            await run.step("fetch", work)
        except StepFailed:
            return

    with pytest.raises(UnnamedStep, match="The step fetch runs"):
        ran(careless, only_named=True)


def test_a_step_fails_as_often_as_it_is_told_to() -> None:
    done = ran(fetches, steps={"fetch": each_try(OSError("busy"), TimeoutError, "ok")})
    assert [step.tries for step in done.steps()] == [3, 3]
    assert ran(fetches, steps={"fetch": OSError("busy")}).status == "failed"


def test_a_function_may_stand_for_a_step() -> None:
    async def speaks(step: Step) -> str:
        step.output("hello\n")
        return f"{step.name} {step.target} {step.input}"

    async def does(run: Run) -> Any:
        return {"said": await run.step("fetch", work, "gs-1", input=7)}

    done = ran(does, steps={"fetch": speaks})
    assert done.result == {"said": "fetch gs-1 7"}
    assert [event.data["text"] for event in done.events if event.type == "step.output"] == [
        "hello\n"
    ]


def test_time_passes_at_once() -> None:
    async def slow(_: Step) -> None:
        await asyncio.sleep(86_400)

    async def waits(run: Run) -> Any:
        began = await run.now()
        await run.sleep(timedelta(days=30))
        await run.step("slow", slow)
        try:
            await run.step("hangs", slow, timeout=60)
        except StepFailed as failed:
            return {"days": (await run.now() - began).days, "error": failed.error["message"]}

    done = ran(waits)
    assert done.result == {"days": 31, "error": "took longer than 60 s"}


async def gate_and_signal(run: Run) -> Any:
    approval = await run.gate("go", timeout=60)
    return {"by": approval.by, "word": await run.wait_for("word")}


def test_gates_and_signals_are_answered() -> None:
    done = ran(gate_and_signal, signals={"word": {"n": 1}})
    assert done.result == {"by": "user:approver", "word": {"n": 1}}
    assert (
        ran(gate_and_signal, approvals={"go": False}).message
        == "Rejected at the gate go by approver."
    )
    assert ran(gate_and_signal, approvals=None).message == "go: nothing came in time."


def test_a_signal_that_the_test_does_not_give_is_named() -> None:
    with pytest.raises(StuckRun, match="word"):
        ran(gate_and_signal)


async def handler_that_hangs(run: Run) -> None:
    await asyncio.Event().wait()


def test_a_handler_that_hangs_is_told() -> None:
    with pytest.raises(StuckRun):
        ran(handler_that_hangs)


async def puts_back(run: Run) -> None:
    await run.step("switch", work, "gs-1", undo=work)
    await run.sleep(60)
    await run.step("restart", work, "gs-1")


@pytest.mark.parametrize("place", ["switch", ("switch", "gs-1"), "sleep", "restart"])
def test_it_is_stopped_where_the_test_says(place: Any) -> None:
    done = ran(puts_back, cancel_at=place)
    assert done.status == "cancelled"
    last = done.steps()[-1].step  # after the last step the handler is through, and undoes nothing
    assert last == ("restart" if place == "restart" else "undo switch")


class Login(BaseModel):
    password: Secret


class Logs(Kind[Login]):
    name = "logs"
    title = "Log in"
    Params = Login

    async def run(self, run: Run, params: Login) -> None:
        token = run.credential("web-token")

        async def log_in(step: Step) -> str:
            return f"{step.reveal(params.password)} {step.reveal(token)}"

        said = await run.step("log in", log_in)
        if said != "•••• ••••":
            raise JobFailed(f"It was {len(said)} characters.")


def test_secrets_are_revealed_to_steps_and_masked_in_the_history() -> None:
    done = harness.run_sync(
        Logs, {"password": "hunter2000"}, credentials={"web-token": "tok-12345"}
    )
    assert (done.status, done.message) == ("succeeded", "Done.")
    assert "hunter2000" not in str(done.history.texts)
    assert "tok-12345" not in str(done.history.texts)


def test_params_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidParams):
        harness.run_sync(kind_of(fetches), {"servers": "gs-1"})


def test_what_ran_can_be_kept_and_replayed(tmp_path: Path) -> None:
    done = ran(puts_back)
    done.save(tmp_path / "puts-back.ndjson")
    kept = load_history(tmp_path / "puts-back.ndjson", done.history.job)
    assert kept == done.history
    assert broken_at(kept.job, list(kept.texts)) is None
    assert replay_handler(kept, kind_of(puts_back)) is None


SCRIPT = """
from jobs.kinds import Kind
from jobs.replay import harness
from jobs.replay.handler import replay_handler
from pydantic import BaseModel

class Nothing(BaseModel): pass

class Own(Kind[Nothing]):
    name, title, Params = "own", "Own", Nothing
    async def run(self, run, params):
        await run.sleep(3600)
        await run.gate("go")
        return {"got": await run.step("fetch", None)}

done = harness.run_sync(Own, steps={"fetch": 1})
print(done.status, done.result, replay_handler(done.history, Own()), replay_handler(done.history))
"""


def test_it_needs_no_project_and_no_settings(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path, env={"PYTHONPATH": root}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stderr == ""
    assert run.stdout.startswith("succeeded {'got': 1} None The handler and its record part")
    assert list(tmp_path.iterdir()) == []
