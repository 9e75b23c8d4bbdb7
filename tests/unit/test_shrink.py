"""Histories that fail are reduced to small ones that fail the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.events.fold import State, fold_all
from jobs.events.recording import broken_at
from jobs.kinds import Kind
from jobs.replay import harness
from jobs.replay.handler import replay_handler
from jobs.replay.history import History, load_history
from jobs.replay.shrink import handler_failure, shrink_file, shrink_history
from jobs.run import Run, Step
from tests.unit.replayed_kinds import Servers

SERVERS = [f"gs-{number:02}" for number in range(20)]


class Rollout(Kind[Servers]):
    name = "rollout"
    title = "Roll out"
    Params = Servers
    switch = "switch"

    async def run(self, run: Run, params: Servers) -> Any:
        async def update(name: str) -> None:
            await run.step("fetch", self._work, name)
            await run.step(self.switch if name == "gs-13" else "switch", self._work, name)
            await run.step("restart", self._work, name)

        await run.sleep(60)
        await run.gate("go")
        await run.rollout(params.servers, update, batch=4)

    async def _work(self, step: Step) -> None:
        step.output("working\n")


class Changed(Rollout):
    switch = "exchange"


def recorded() -> History:
    return harness.run_sync(Rollout, {"servers": SERVERS}).history


def test_what_is_left_is_the_target_and_the_steps_that_it_takes_to_fail() -> None:
    history, failure = recorded(), handler_failure(Changed())
    assert len(history.texts) > 200
    small = shrink_history(history, failure)
    assert failure(small) == failure(history) is not None
    assert [(event.type, event.step, event.target) for event in small.events] == [
        ("job.submitted", None, None),
        ("attempt.started", None, None),
        ("step.started", "sleep", None),
        ("step.succeeded", "sleep", None),
        ("step.started", "go", None),
        ("step.succeeded", "go", None),
        ("step.started", "fetch", "gs-13"),
        ("step.succeeded", "fetch", "gs-13"),
        ("step.started", "switch", "gs-13"),
    ]
    assert small.events[0].data["params"] == {"servers": ["gs-13"]}


def test_it_is_a_valid_history() -> None:
    small = shrink_history(recorded(), handler_failure(Changed()))
    assert broken_at(small.job, list(small.texts)) is None
    assert fold_all(State(), small.events).summary.head == len(small.texts)
    assert replay_handler(small, Rollout()) is None


def test_one_that_does_not_fail_is_left_as_it_is() -> None:
    history = recorded()
    assert shrink_history(history, handler_failure(Rollout())) is history


def test_it_is_written_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rollout.ndjson"
    harness.run_sync(Rollout, {"servers": SERVERS}).save(path)
    beside = shrink_file(path, handler_failure(Changed()))
    assert beside == tmp_path / "rollout.shrunk.ndjson"
    found = replay_handler(load_history(beside), Changed())
    assert found is not None
    assert (found.target, found.asked) == ("gs-13", "the step exchange on gs-13")
