"""The fold: legal moves, what each event makes of a job, and that nothing else matters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotNow
from jobs.events import Event, EventType
from jobs.events.fold import (
    LEGAL,
    STATUSES,
    TERMINAL,
    State,
    Summary,
    advance_summary,
    attempt_of,
    fold_all,
    fold_event,
)


def at(seq: int, type_: EventType, data: dict[str, Any] | None = None, **fields: Any) -> Event:
    known: dict[str, Any] = {"attempt": 1, "step": None, "target": None}
    return Event(
        seq, type_.value, 1, f"2026-11-22T09:00:{seq:02}.000000Z", "user:a",
        data=data or {}, hash=f"{seq:064x}", **(known | fields),
    )  # fmt: skip


def history(*steps: tuple[EventType, dict[str, Any]]) -> list[Event]:
    return [at(seq, type_, data) for seq, (type_, data) in enumerate(steps, start=1)]


SUBMITTED = (EventType.JOB_SUBMITTED, {"total": 3})
STARTED: tuple[EventType, dict[str, Any]] = (EventType.ATTEMPT_STARTED, {})


def summary_after(*steps: tuple[EventType, dict[str, Any]]) -> Summary:
    return fold_all(State(), history(*steps)).summary


def test_a_run_from_end_to_end() -> None:
    done = summary_after(
        SUBMITTED,
        STARTED,
        (EventType.JOB_PROGRESSED, {"done": 2, "total": 3, "failed": 1}),
        (EventType.JOB_FAILED, {"message": "1 of 3 failed."}),
    )
    assert (done.status, done.done, done.total, done.failed) == ("failed", 2, 3, 1)
    assert (done.head, done.attempt, done.message) == (4, 1, "1 of 3 failed.")
    assert done.submitted_at is not None
    assert done.submitted_at < (done.started_at or "") < (done.finished_at or "")
    assert done.terminal


@pytest.mark.parametrize("type_", list(EventType))
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_nothing_is_legal_after_the_end(type_: EventType, status: str) -> None:
    with pytest.raises(NotNow):
        advance_summary(Summary(status=status, head=5), at(6, type_))


@pytest.mark.parametrize("type_", list(EventType))
@pytest.mark.parametrize("status", ["", *STATUSES])
def test_a_move_is_legal_or_refused_and_never_breaks(type_: EventType, status: str) -> None:
    before = Summary(status=status, head=5, attempt=1)
    event = at(6, type_, {"done": 1}, attempt=attempt_of(before, type_))
    if status in LEGAL[type_]:
        after = advance_summary(before, event)
        assert after.status in STATUSES
        assert (after.head, after.head_hash) == (6, event.hash)
    else:
        with pytest.raises(NotNow):
            advance_summary(before, event)


def test_waiting_says_for_what_until_it_is_over() -> None:
    blockers = [{"target": "gs-003", "job": "other"}]
    waiting = summary_after(SUBMITTED, (EventType.JOB_WAITING, {"targets": blockers}))
    assert (waiting.status, list(waiting.waiting_for)) == ("waiting", blockers)
    going = advance_summary(waiting, at(3, EventType.ATTEMPT_STARTED))
    assert (going.status, going.waiting_for) == ("running", ())


def test_a_takeover_keeps_a_wish_to_stop() -> None:
    stopping = summary_after(SUBMITTED, STARTED, (EventType.JOB_CANCEL_REQUESTED, {}))
    again = advance_summary(stopping, at(4, EventType.ATTEMPT_STARTED, attempt=2))
    assert (again.status, again.attempt) == ("cancelling", 2)


def test_a_step_is_its_newest_try_in_the_order_of_first_starts() -> None:
    where = {"step": "fetch", "target": "gs-1"}
    state = fold_all(State(), history(SUBMITTED, STARTED))
    state = fold_event(state, at(3, EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, **where))
    state = fold_event(
        state, at(4, EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, attempt=2, **where)
    )
    state = fold_event(state, at(5, EventType.STEP_OUTPUT, {"text": "…"}, **where))
    ended = {"try": 1, "occurrence": 1, "seconds": 1.5, "result": {"ok": True}}
    state = fold_event(state, at(6, EventType.STEP_SUCCEEDED, ended, attempt=2, **where))
    skipped = {"occurrence": 1, "reason": "stopped"}
    state = fold_event(state, at(7, EventType.STEP_SKIPPED, skipped, step="fetch", target="gs-2"))
    first, second = state.as_dict()["steps"]
    assert (first["status"], first["attempt"], first["seconds"]) == ("succeeded", 2, 1.5)
    assert first["result"] == {"ok": True}
    assert (second["target"], second["status"], second["started_at"]) == ("gs-2", "skipped", None)


@given(st.data())
def test_folding_at_once_in_pieces_and_one_by_one_is_the_same(data: st.DataObject) -> None:
    events, summary = [], Summary()
    for seq in range(1, data.draw(st.integers(1, 25)) + 1):
        legal = [type_ for type_ in EventType if summary.status in LEGAL[type_]]
        if not legal:
            break
        type_ = data.draw(st.sampled_from(legal))
        step = data.draw(st.sampled_from(["a", "b"])) if type_.startswith("step.") else None
        attempt = attempt_of(summary, type_)
        events.append(at(seq, type_, {"occurrence": 1}, attempt=attempt, step=step))
        summary = advance_summary(summary, events[-1])
    cut = data.draw(st.integers(0, len(events)))
    whole = fold_all(State(), events)
    assert fold_all(fold_all(State(), events[:cut]), events[cut:]) == whole
    one_by_one = State()
    for event in events:
        before = one_by_one.as_dict()
        after = fold_event(one_by_one, event)
        assert one_by_one.as_dict() == before
        one_by_one = after
    assert one_by_one == whole


def test_a_parked_run_says_what_it_waits_for_and_when_it_is_due() -> None:
    waits = [
        {"for": "timer", "name": "settle", "until": "2026-11-22T10:00:00.000000Z"},
        {"for": "signal", "name": "go"},
    ]
    asked = {"gate": "canary", "words": "Go on?", "not_by_submitter": True}
    parked = summary_after(
        SUBMITTED,
        STARTED,
        (EventType.JOB_WAITING, {"for": "timer", "waits": waits, "count": 2}),
        (EventType.JOB_APPROVAL_REQUESTED, asked),
    )
    assert parked.status == "waiting"
    assert list(parked.waiting_for) == [*waits, {**asked, "for": "approval"}]
    assert (parked.parked, parked.due_at) == (True, waits[0]["until"])
    approved = advance_summary(parked, at(5, EventType.JOB_APPROVED, {"gate": "canary"}))
    assert (approved.status, approved.waiting_for, approved.parked) == ("running", (), False)
    paused = advance_summary(parked, at(5, EventType.JOB_PAUSED))
    assert (paused.status, paused.parked, paused.due_at) == ("paused", False, None)


@pytest.mark.parametrize(
    ("reported", "parked"),
    [
        ({"targets": [{"target": "gs-003", "job": "other"}]}, False),
        ({"waits": [{"for": "limit", "kind": "load", "limit": 1}]}, False),
        ({"waits": [{"for": "kind", "kind": "backup"}]}, False),
        ({"waits": [{"for": "weather"}]}, True),
    ],
)
def test_a_job_that_does_not_wait_by_itself_is_not_parked(
    reported: dict[str, Any], parked: bool
) -> None:
    assert summary_after(SUBMITTED, (EventType.JOB_WAITING, reported)).parked is parked


@pytest.mark.parametrize(
    ("type_", "data", "word"),
    [
        (EventType.JOB_APPROVED, {"gate": "go", "reason": "ok"}, {"approved": True}),
        (EventType.JOB_REJECTED, {"gate": "go"}, {"approved": False, "reason": ""}),
        (EventType.JOB_RESUMED, {"signal": "go", "data": [1]}, {"data": [1]}),
    ],
)
def test_a_word_is_kept_with_the_step_that_waits_for_it(
    type_: EventType, data: dict[str, Any], word: dict[str, Any]
) -> None:
    once = history(SUBMITTED, STARTED)
    begun = at(3, EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, step="go")
    waiting = at(4, EventType.JOB_WAITING, {"for": "signal", "waits": [{"for": "signal"}]})
    state = fold_all(State(), [*once, begun, waiting])
    heard = fold_event(state, at(5, type_, data)).steps["go", None, 1]
    assert heard.status == "running"
    assert heard.result == heard.result | word | {"by": "user:a"}
    other = fold_event(state, at(5, type_, {**data, "gate": "no", "signal": "no"}))
    assert other.steps["go", None, 1].result is None


def test_a_value_is_recorded_by_one_event_alone() -> None:
    value = {"try": 1, "occurrence": 1, "seconds": 0, "result": 0.5}
    state = fold_all(State(), history(SUBMITTED, STARTED))
    state = fold_event(state, at(3, EventType.STEP_SUCCEEDED, value, step="random"))
    [step] = state.steps.values()
    assert (step.status, step.result, step.started_at) == ("succeeded", 0.5, None)
