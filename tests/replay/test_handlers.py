"""Old runs, today's handlers: they ask for what was recorded, and come to the same end."""

from __future__ import annotations

import pytest

from jobs.kinds import registry
from jobs.kinds.kind import AnyKind
from jobs.kinds.version_update import rollout
from jobs.kinds.version_update.params import STEPS
from jobs.models import Target
from jobs.replay.handler import replay_handler
from jobs.replay.history import History, parse_history
from jobs.run import Retry, Run, Step
from tests.integration import runs
from tests.replay import histories
from tests.replay.scenes import SCENES

pytestmark = [pytest.mark.replay, pytest.mark.usefixtures("database")]


def recorded(name: str) -> History:
    """Return a history, and have the inventory know the servers that it is about."""
    kept = histories.read(name)
    history = parse_history(kept.texts, kept.job)
    for server in history.events[0].data["params"].get("servers", []):
        Target.objects.get_or_create(name=server, defaults={"variables": {"ctl": ["ctl"]}})
    return history


class Steered(runs.Script):
    """The handler of the history `steered`, as it was then."""

    async def run(self, run: Run, params: runs.Nothing) -> None:
        await self._update(run, "gs-001")
        await run.progress(1, 2)
        await run.gate("canary", "Is gs-001 well?", not_by_submitter=True)
        await run.sleep(0.5, "settle")
        await run.step("fetch", _work, "gs-002")
        await run.gate("rest", "The rest as well?")

    async def _update(self, run: Run, server: str) -> None:
        await run.step("fetch", _work, server)
        await run.step("switch", _work, server, retry=Retry(3))


async def _work(_: Step) -> None:
    """Do nothing."""


def handler_of(name: str, history: History) -> AnyKind:
    if name in SCENES:
        scene: AnyKind = SCENES[name]()
        return scene
    return Steered() if name == "steered" else registry.get_kind(history.kind)


@pytest.mark.parametrize("name", histories.NAMES)
def test_todays_handlers_replay_old_runs_whole_and_cut_off(name: str) -> None:
    history = recorded(name)
    kind = handler_of(name, history)
    assert str(replay_handler(history, kind)) == "None"
    for length in range(1, len(history.texts), 1 + len(history.texts) // 16):
        part = History(history.job, history.kind, history.texts[:length], {})
        assert str(replay_handler(part, kind)) == "None", length


def test_an_update_that_restarts_before_it_switches_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = list(STEPS)
    place = steps.index("switch")
    steps[place : place + 2] = reversed(steps[place : place + 2])
    monkeypatch.setattr(rollout, "STEPS", tuple(steps))
    found = replay_handler(recorded("all-well"))
    assert found is not None
    assert (found.recorded, found.asked) == (
        "the step switch on gs-001", "the step restart on gs-001",
    )  # fmt: skip
    assert str(found.source).startswith("jobs/kinds/version_update/rollout.py:")


def test_an_update_that_does_not_put_back_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "undo", lambda *_: None)
    found = replay_handler(recorded("rolled-back"))
    assert found is not None
    assert (found.recorded, found.asked) == (
        "the step rollback on gs-003", "no such step before its end",
    )  # fmt: skip
