"""State at any seq: from the nearest snapshot, in a thousand events at most, always the fold."""

from __future__ import annotations

import json
import random
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import log
from jobs.events import parse
from jobs.events.fold import State, fold_event
from jobs.log.state import folded_events, state_at
from jobs.models import Snapshot
from tests.support.factories import make_job
from tests.support.factories.histories import random_run

pytestmark = pytest.mark.usefixtures("database")


def job_of(count: int, seed: int = 1) -> UUID:
    """Return a job whose log has `count` events."""
    job = make_job()
    run = random_run(seed, count - 1)
    for start in range(0, len(run), 1000):
        log.append(job.pk, run[start : start + 1000], actor="worker:w")
    return job.pk


def folds_of(job: UUID) -> list[State]:
    """Return the fold from zero at every seq, the first one for seq 0."""
    states = [State()]
    for page in log.read_history(job):
        for text in page.texts:
            states.append(fold_event(states[-1], parse(text)))
    return states


def boundaries(job: UUID) -> list[int]:
    return list(Snapshot.objects.filter(job=job).order_by("seq").values_list("seq", flat=True))


def folded_by(job: UUID, seq: int | None = None) -> int:
    before = folded_events.total
    state_at(job, seq)
    return folded_events.total - before


def test_the_state_at_every_seq_is_the_fold_from_zero() -> None:
    job = job_of(2345)
    folds = folds_of(job)
    state_at(job)
    seqs = {seq for near in (0, 1000, 2000) for seq in range(near, near + 4)}
    chance = random.Random(7)
    for seq in [*seqs, 998, 999, 1998, 1999, 2345, *chance.sample(range(2345), 200)]:
        found = state_at(job, seq)
        assert found == folds[seq], f"at {seq}"
        assert list(found.steps) == list(folds[seq].steps)
    assert state_at(job) == state_at(job, 10**6) == folds[-1]


@given(seed=st.integers(0, 2**32), count=st.integers(1, 3100), data=st.data())
@settings(max_examples=8, deadline=None)
def test_any_history_reads_the_same_from_its_snapshots(
    seed: int, count: int, data: st.DataObject
) -> None:
    job = job_of(count, seed)
    folds = folds_of(job)
    for seq in data.draw(st.lists(st.integers(0, count), min_size=1, max_size=20)):
        assert state_at(job, seq).as_dict() == folds[seq].as_dict()
    assert state_at(job).as_dict() == folds[-1].as_dict()


def test_at_most_a_thousand_events_are_folded_wherever_one_looks() -> None:
    job = job_of(6500)
    assert folded_by(job) == 6500  # the first to come by makes what is missing
    assert boundaries(job) == [1000, 2000, 3000, 4000, 5000, 6000]
    chance = random.Random(3)
    for seq in [*chance.sample(range(1, 6500), 50), 999, 1000, 1001, 5999, 6000, 6001]:
        assert folded_by(job, seq) == seq % 1000
    assert folded_by(job) == 500
    assert boundaries(job) == [1000, 2000, 3000, 4000, 5000, 6000]


def test_a_state_takes_two_queries_however_long_the_job() -> None:
    job = job_of(4100)
    state_at(job)
    with CaptureQueriesContext(connection) as queries:
        state_at(job, 4050)
    assert len(queries) == 2


def test_a_missing_snapshot_is_made_by_whoever_folds_past_it() -> None:
    job = job_of(3500)
    folds = folds_of(job)
    state_at(job)
    Snapshot.objects.filter(job=job, seq__gt=1000).delete()
    assert folded_by(job, 2500) == 1500
    assert boundaries(job) == [1000, 2000]
    assert folded_by(job) == 1500
    for seq in (1000, 2000, 3000, 3500):
        assert state_at(job, seq) == folds[seq]


def test_snapshots_keep_each_change_of_a_step_once() -> None:
    job = job_of(5000)
    state_at(job)
    run = [text for page in log.read_history(job) for text in page.texts]
    events = [parse(text) for text in run]
    moves = sum(event.type.startswith("step.") and event.type != "step.output" for event in events)
    kept = sum(len(json.loads(row.steps)) for row in Snapshot.objects.filter(job=job))
    assert 0 < kept <= moves


def test_snapshots_of_another_fold_are_passed_over() -> None:
    job = job_of(1200)
    state_at(job)
    Snapshot.objects.filter(job=job).delete()
    Snapshot.objects.create(job=job, fold=0, seq=1000, summary="{}", steps="[]")
    assert folded_by(job) == 1200
    assert folded_by(job) == 200
    assert state_at(job) == folds_of(job)[-1]
