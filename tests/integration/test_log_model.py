"""The log against a model: whatever is asked of it in whatever order, it says what a list would."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from core.errors import CursorAhead, HistoryDiverged, NotFound, NotNow
from jobs import log
from jobs.events import EventType, NewEvent, parse
from jobs.events.fold import State, fold_all
from jobs.events.recording import broken_at
from jobs.log import Append, Appended, Cursor, LeaseLost, append_many
from jobs.models import Job
from tests.support.factories import make_job, output

pytestmark = pytest.mark.usefixtures("database", "redis")
ACTOR = "worker:model"
CANCEL = NewEvent(EventType.JOB_CANCEL_REQUESTED)
END = NewEvent(EventType.JOB_CANCELLED, {"message": "Stopped."})


@dataclass
class Model:
    """What a job's log must hold: its texts, and the fence that may write."""

    id: UUID
    texts: list[str]
    fence: int = 0
    tagged: dict[UUID, Append] = field(default_factory=dict)
    receipts: dict[UUID, Appended] = field(default_factory=dict)
    status: str = "queued"

    def take(self, receipt: Appended) -> None:
        """Add what a receipt says was stored; it must follow what is there."""
        assert (receipt.first, receipt.last) == (
            len(self.texts) + 1,
            len(self.texts) + len(receipt.texts),
        )
        self.texts += receipt.texts
        self.status = receipt.status

    def allows(self, events: list[NewEvent]) -> bool:
        """Say whether the events are legal now."""
        status = self.status
        for event in events:
            if event.type == EventType.STEP_OUTPUT and status not in {"running", "cancelling"}:
                return False
            if event is CANCEL and status not in {"queued", "running"}:
                return False
            if event is END and status != "cancelling":
                return False
            status = {id(CANCEL): "cancelling", id(END): "cancelled"}.get(id(event), status)
        return True


BATCHES = st.lists(
    st.one_of(st.text(max_size=40).map(output), st.sampled_from([CANCEL, END])),
    min_size=1,
    max_size=4,
)


class LogMachine(RuleBasedStateMachine):
    """Jobs, leases, appends of every sort, retries and reads."""

    jobs: Bundle[Model] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.models: list[Model] = []

    @rule(target=jobs)
    def submit(self) -> Model:
        job = make_job()
        model = Model(job.pk, log.read(job.pk).texts)
        self.models.append(model)
        return model

    @rule(model=jobs)
    def lease(self, model: Model) -> None:
        """Another worker takes the job over: the fence moves, and an attempt begins."""
        if model.status == "cancelled":
            return
        Job.objects.filter(pk=model.id).update(fence=model.fence + 1)
        model.fence += 1
        begun = NewEvent(EventType.ATTEMPT_STARTED, {"worker": "model"})
        model.take(log.append(model.id, [begun], actor=ACTOR, fence=model.fence))

    @rule(
        model=jobs,
        events=BATCHES,
        fence=st.sampled_from([None, 0, -1]),
        behind=st.sampled_from([None, 0, 1, -1]),
        tagged=st.booleans(),
    )
    def append(
        self,
        model: Model,
        events: list[NewEvent],
        fence: int | None,
        behind: int | None,
        tagged: bool,
    ) -> None:
        """Append with a right, wrong or no fence and expected head."""
        wish = Append(
            model.id,
            events,
            ACTOR,
            fence=None if fence is None else model.fence + fence,
            expected_seq=None if behind is None else len(model.texts) - behind,
            append_id=uuid4() if tagged else None,
        )
        [result] = append_many([wish])
        if fence == -1:
            assert isinstance(result, LeaseLost)
        elif behind not in (None, 0) or not model.allows(events):
            assert isinstance(result, NotNow)
        else:
            assert isinstance(result, Appended)
            assert [parse(text).type for text in result.texts] == [e.type for e in events]
            model.take(result)
            if wish.append_id:
                model.tagged[wish.append_id] = wish
                model.receipts[wish.append_id] = result

    @rule(model=jobs, choice=st.randoms(use_true_random=False))
    def retry(self, model: Model, choice: Random) -> None:
        """Try a stored batch again: the same receipt, whatever came in between."""
        if not model.tagged:
            return
        tag = choice.choice(sorted(model.tagged))
        [again] = append_many([model.tagged[tag]])
        assert isinstance(again, Appended)
        first = model.receipts[tag]
        assert (again.first, again.last, again.texts) == (first.first, first.last, first.texts)

    @rule(model=jobs, text=st.text(max_size=20), twice=st.booleans())
    def append_beside_a_bad_one(self, model: Model, text: str, twice: bool) -> None:
        """Append several wishes at once: each is answered for itself, in order."""
        tag = uuid4()
        good = Append(model.id, [output(text)], ACTOR, append_id=tag)
        bad = Append(model.id, [output(text)], ACTOR, fence=model.fence - 1)
        nobody = Append(uuid4(), [output(text)], ACTOR)
        results = append_many([bad, good, nobody, *([good] if twice else [])])
        assert isinstance(results[0], LeaseLost)
        assert isinstance(results[2], NotFound)
        if model.allows([output(text)]):
            assert isinstance(results[1], Appended)
            assert all(result == results[1] for result in results[3:])
            model.take(results[1])
        else:
            assert isinstance(results[1], NotNow)

    @rule(model=jobs, after=st.integers(0, 30), limit=st.integers(1, 10))
    def read(self, model: Model, after: int, limit: int) -> None:
        page = log.read(model.id, after, limit)
        assert page.texts == model.texts[after : after + limit]
        assert page.last == after + len(page.texts)

    @rule(model=jobs, seq=st.integers(0, 30), right=st.booleans())
    def check_cursor(self, model: Model, seq: int, right: bool) -> None:
        hash8 = model.texts[seq - 1][-66:-58] if 0 < seq <= len(model.texts) and right else None
        wrong = "00000000" if seq > 0 and not right else None
        try:
            head = log.check_cursor(model.id, Cursor(seq, hash8 or wrong))
        except CursorAhead:
            assert seq > len(model.texts)
        except HistoryDiverged:
            assert wrong
        else:
            assert (head.seq, head.status) == (len(model.texts), model.status)

    @invariant()
    def logs_are_as_modelled(self) -> None:
        for model in self.models:
            texts = [text for page in log.read_history(model.id) for text in page.texts]
            assert texts == model.texts
            assert broken_at(model.id, texts) is None

    @invariant()
    def rows_are_the_folds_of_their_logs(self) -> None:
        for model in self.models:
            folded = fold_all(State(), map(parse, model.texts)).summary
            row = Job.objects.get(pk=model.id)
            assert (row.head, row.head_hash.hex()) == (folded.head, folded.head_hash)
            assert (row.status, row.attempt, row.message) == (
                folded.status, folded.attempt, folded.message,
            )  # fmt: skip


def test_the_log_is_a_list_that_nobody_can_break() -> None:
    run_state_machine_as_test(
        LogMachine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
    )
