"""`manage.py record --sample`: a small set with every structure of the log, and what each has."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from jobs import log
from jobs.events import EventType, NewEvent
from jobs.models import Job
from jobs.replay.coverage import coverage_of
from jobs.replay.fold import replay_fold
from jobs.replay.history import load_history
from jobs.replay.sample import corpus_coverage, history_files
from tests.support.factories import ATTEMPT, make_job, output

pytestmark = pytest.mark.usefixtures("database")

DONE = NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})
LOST = NewEvent(EventType.JOB_FAILED, {"message": "1 server failed."})
GATE = NewEvent(EventType.JOB_APPROVAL_REQUESTED, {"gate": "go", "words": "Go?"})
APPROVED = NewEvent(EventType.JOB_APPROVED, {"gate": "go"})
DATA = {"try": 1, "occurrence": 1}


def step(name: str, target: str, end: EventType = EventType.STEP_SUCCEEDED) -> list[NewEvent]:
    return [
        NewEvent(EventType.STEP_STARTED, DATA, name, target),
        output(f"{name} on {target}"),
        NewEvent(end, {**DATA, "seconds": 0.1}, name, target),
    ]


def run_on(*targets: str) -> list[NewEvent]:
    return [one for name in ("stop", "start") for target in targets for one in step(name, target)]


def sample(folder: Path, *words: str) -> str:
    out = io.StringIO()
    call_command("record", "--sample", str(folder), *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def jobs() -> dict[str, Job]:
    """Runs of all sorts; of each sort several, of which only the number of targets differs."""
    sorts = {
        "plain": [ATTEMPT, *run_on("a"), DONE],
        "two targets": [ATTEMPT, *run_on("a", "b"), DONE],
        "many targets": [ATTEMPT, *run_on(*"abcdefgh"), DONE],
        "undone": [
            ATTEMPT, *step("stop", "a"), *step("start", "a", EventType.STEP_FAILED),
            *step("stop", "a"), LOST,
        ],
        "gate": [ATTEMPT, GATE, APPROVED, *run_on("a"), DONE],
        "taken over": [ATTEMPT, ATTEMPT, *run_on("a"), DONE],
    }  # fmt: skip
    made = {name: make_job(events=events) for name, events in sorts.items()}
    make_job(events=[ATTEMPT, *run_on("a")])  # not over
    return made


def test_the_sample_is_small_and_has_all_there_is(jobs: dict[str, Job], tmp_path: Path) -> None:
    said = sample(tmp_path)
    names = {path.name for path in history_files(tmp_path)}
    wanted = ("undone", "gate", "taken over")
    assert names == {f"{jobs[name].pk}.ndjson" for name in wanted}
    assert corpus_coverage(tmp_path) == frozenset().union(
        *(coverage_of(log.read(job.pk).texts) for job in jobs.values())
    )
    for path in history_files(tmp_path):
        changes = path.with_suffix(".states.ndjson").read_text().splitlines()
        assert replay_fold(load_history(path), changes) is None
    for words in (
        "  load takes the steps stop → start (fails) → stop",
        "  load has a gate that is approved",
        "  load is taken up again by another attempt",
        "  load takes the steps stop → start\n",
        "  job.submitted of version 2",
        "3 histories of 6 jobs: the folder now has every structure",
    ):
        assert said.count(words) == 1, (words, said)


def test_what_the_folder_has_is_not_chosen_again(jobs: dict[str, Job], tmp_path: Path) -> None:
    sample(tmp_path)
    assert "0 histories of 6 jobs" in sample(tmp_path)
    make_job(events=[ATTEMPT, *step("look", "a", EventType.STEP_SKIPPED), DONE])
    said = sample(tmp_path)
    assert "1 history of 7 jobs" in said
    assert "  load takes the steps look (skipped)" in said
    assert "job.submitted" not in said


def test_so_many_jobs_are_looked_at_as_one_says(jobs: dict[str, Job], tmp_path: Path) -> None:
    assert "1 history of 1 job:" in sample(tmp_path, "--newest=1")


def test_values_are_left_out_of_a_sample_and_its_states(tmp_path: Path) -> None:
    made = make_job(events=[ATTEMPT, NewEvent(EventType.JOB_FAILED, {"message": "hunter2"})])
    sample(tmp_path, "--redact=/data/message")
    for name in (f"{made.pk}.ndjson", f"{made.pk}.states.ndjson"):
        assert "hunter2" not in (tmp_path / name).read_text()
        assert "[redacted]" in (tmp_path / name).read_text()


def test_wrong_usage_is_said(jobs: dict[str, Job], tmp_path: Path) -> None:
    for words in ((), ("--sample", str(tmp_path), str(jobs["plain"].pk))):
        with pytest.raises(CommandError, match="Name jobs by id, or use --sample"):
            call_command("record", *words)
    with pytest.raises(CommandError, match="--sample is a folder"):
        sample(tmp_path / "none")
    (tmp_path / "odd.ndjson").write_text("{}\n")
    with pytest.raises(CommandError, match=r"odd.ndjson: Line 1: this is neither"):
        sample(tmp_path)
