"""Handlers that were changed, each caught by a replay of what was recorded before, in words."""

from __future__ import annotations

from functools import partial

import pytest
from pydantic import BaseModel

from jobs.replay import harness
from jobs.replay.divergence import Divergence
from jobs.replay.handler import replay_handler
from jobs.run import JobFailed, Retry, Run, StepFailed
from tests.unit.replayed_kinds import Handler, kind_of, parted, plain_kind_of, ran, work


def steps(*names: str) -> Handler:
    async def does(run: Run) -> None:
        for name in names:
            await run.step(name, work, target="gs-1")

    return does


def sides(found: Divergence) -> tuple[str, str]:
    return found.recorded, found.asked


@pytest.mark.parametrize(
    ("now", "recorded", "asked"),
    [
        pytest.param(steps("switch", "fetch"), "fetch", "switch", id="swapped"),
        pytest.param(steps("get", "switch"), "fetch", "get", id="renamed"),
        pytest.param(steps("drain", "fetch", "switch"), "fetch", "drain", id="added"),
        pytest.param(steps("switch"), "fetch", "switch", id="removed"),
    ],
)
def test_steps_in_another_order(now: Handler, recorded: str, asked: str) -> None:
    found = parted(steps("fetch", "switch"), now)
    assert sides(found) == (f"the step {recorded} on gs-1", f"the step {asked} on gs-1")
    assert (found.seq, found.step, found.target) == (3, recorded, "gs-1")


def test_a_step_more_at_the_end() -> None:
    found = parted(steps("fetch"), steps("fetch", "tell"))
    assert sides(found) == ("no further step, but job.succeeded", "the step tell on gs-1")
    assert found.seq == 5


def test_a_step_less_at_the_end() -> None:
    found = parted(steps("fetch", "tell"), steps("fetch"))
    assert sides(found) == ("the step tell on gs-1", "no such step before its end")


def test_a_step_more_with_a_patch_is_none() -> None:
    async def patched(run: Run) -> None:
        if await run.patched("drain first"):
            await run.step("drain", work, target="gs-1")
        await run.step("fetch", work, target="gs-1")

    before = ran(steps("fetch")).history
    assert replay_handler(before, kind_of(patched)) is None
    after = ran(patched)
    assert [step.step for step in after.steps()] == ["patched drain first", "drain", "fetch"]
    assert replay_handler(after.history, kind_of(patched)) is None
    found = replay_handler(after.history, kind_of(steps("fetch")))
    assert found is not None
    assert found.recorded == "the step drain on gs-1"


def fetches(version: str | None, **policy: object) -> Handler:
    given = None if version is None else {"version": version}

    async def does(run: Run) -> None:
        await run.step("fetch", work, input=given, **policy)  # type: ignore[arg-type]

    return does


def test_a_changed_input() -> None:
    found = parted(fetches("1.5"), fetches("1.6"))
    assert sides(found) == ("input {'version': '1.5'}", "input {'version': '1.6'}")
    assert (found.step, found.seq) == ("fetch", 3)
    assert sides(parted(fetches("1.5"), fetches(None)))[1] == "no input"


def test_a_changed_timeout() -> None:
    found = parted(fetches("1", timeout=60), fetches("1", timeout=5))
    assert sides(found) == ("timeout of 60 s", "timeout of 5 s")


def test_a_changed_retry_policy() -> None:
    before, now = Retry(3, jitter=False), Retry(5, wait=2, on=(OSError,))
    found = parted(fetches("1", retry=before), fetches("1", retry=now))
    assert found.recorded == "retry: 3 tries, 1 s, times 2, at most 60 s, on Exception"
    assert found.asked == "retry: 5 tries, 2 s, times 2, at most 60 s, with jitter, on OSError"


def test_a_policy_that_would_try_again_what_was_given_up() -> None:
    failing = {"steps": {"fetch": OSError("no")}}
    found = parted(fetches("1"), fetches("1", retry=Retry(3)), **failing)
    assert sides(found) == ("given up after 1 tries (OSError)", "3 tries")


def test_a_sleep_and_a_wait_of_another_length() -> None:
    async def sleeps(run: Run, seconds: float) -> None:
        await run.sleep(seconds)

    async def waits(run: Run, seconds: float) -> None:
        await run.wait_for("go", timeout=seconds)

    found = parted(partial(sleeps, seconds=60), partial(sleeps, seconds=61))
    assert sides(found) == ("span of 60 s", "span of 61 s")
    found = parted(partial(waits, seconds=60), partial(waits, seconds=5), signals={"go": 1})
    assert sides(found) == ("timeout of 60 s", "timeout of 5 s")


def switches(*, undo: bool) -> Handler:
    async def does(run: Run) -> None:
        await run.step("switch", work, target="gs-1", undo=work if undo else None)
        await run.step("restart", work, target="gs-1")

    return does


def test_a_lost_undo() -> None:
    failing = {"steps": {"restart": OSError("no")}}
    found = parted(switches(undo=True), switches(undo=False), **failing)
    assert sides(found) == ("the step undo switch on gs-1", "no such step before its end")


def test_an_undo_more() -> None:
    failing = {"steps": {"restart": OSError("no")}}
    found = parted(switches(undo=False), switches(undo=True), **failing)
    assert sides(found) == ("no further step, but job.failed", "the step undo switch on gs-1")


def test_a_lost_undo_of_a_run_that_was_stopped() -> None:
    found = parted(switches(undo=True), switches(undo=False), cancel_at="switch")
    assert found.recorded == "the step undo switch on gs-1"


def ends(result: object, message: str = "") -> Handler:
    async def does(run: Run) -> object:
        await run.step("fetch", work)
        if message:
            raise JobFailed(message, ["gs-1"])
        return result

    return does


def test_another_result_another_message_another_end() -> None:
    found = parted(ends({"version": "1.5"}), ends({"version": "1.6"}))
    assert found.recorded == "job.succeeded, result: {'version': '1.5'}"
    assert found.asked == "job.succeeded, result: {'version': '1.6'}"
    found = parted(ends(None, "Not well."), ends(None, "Ill."))
    assert sides(found) == ("job.failed, message: Not well.", "job.failed, message: Ill.")
    assert parted(ends(None), ends(None, "Ill.")).asked.startswith("job.failed, failed_targets")


def test_other_params() -> None:
    class Hosts(BaseModel):
        hosts: list[str]

    kind = kind_of(steps("fetch"))
    history = ran(steps("fetch")).history
    kind.Params = Hosts  # type: ignore[assignment]  # as a kind whose fields were renamed
    found = replay_handler(history, kind)
    assert found is not None
    assert found.recorded == "the parameters"
    assert "its parameters do not fit. hosts: Field required." in found.asked


def test_a_kind_that_is_gone() -> None:
    found = replay_handler(ran(steps("fetch")).history)
    assert found is not None
    assert sides(found) == ("a job of the kind deploy", "no kind 'deploy' is known here")


def test_it_names_the_line_that_asked_and_reads_like_a_comment() -> None:
    found = parted(steps("fetch"), steps("get"))
    line = steps.__code__.co_firstlineno + 3
    assert found.source == f"tests/unit/test_handler_mutations.py:{line}"
    assert str(found).splitlines() == [
        "The handler and its record part at event 3, step fetch on gs-1.",
        "  recorded: the step fetch on gs-1",
        "  asked:    the step get on gs-1",
        f"  source:   {found.source}",
    ]


def test_it_names_the_line_in_a_plain_handler_too() -> None:
    def before(run: object) -> None:
        run.step("fetch", str)  # type: ignore[attr-defined]

    def now(run: object) -> None:
        run.step("get", str)  # type: ignore[attr-defined]

    history = harness.run_sync(plain_kind_of(before)).history
    found = replay_handler(history, plain_kind_of(now))
    assert found is not None
    line = now.__code__.co_firstlineno + 1
    assert found.source == f"tests/unit/test_handler_mutations.py:{line}"


def test_a_handler_cannot_overlook_it() -> None:
    async def careless(run: Run) -> None:
        for name in ("tidy", "fetch"):
            try:
                await run.step(name, work, target="gs-1")
            except (Exception, StepFailed):  # noqa: BLE001 - the carelessness at issue
                continue

    assert parted(steps("fetch"), careless).asked == "the step tidy on gs-1"
