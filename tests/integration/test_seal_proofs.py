"""GET /api/jobs/<id>/seal: a proof for one job that names no other, of rows that were signed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.records.evidence import verify_record
from core.records.record import read_record
from core.records.seal_text import parse_seal
from jobs.api import seals as api
from jobs.events import EventType, NewEvent
from jobs.integrity import seals
from jobs.integrity.seals.key import private_key
from jobs.integrity.seals.proof import prove_head
from jobs.log import append as append_events
from jobs.models import Job, Seal
from jobs.replay.recorder import record_job
from tests.support.factories import ATTEMPT, make_job
from tests.support.intruder import Intruder
from tests.support.people import People
from tests.support.sealing import append, bad_seals

pytestmark = pytest.mark.usefixtures("database", "seal_folder")


@pytest.fixture
def job(people: People) -> Job:
    made = make_job(people.alice.user, [ATTEMPT], team=people.red)
    for _ in range(6):
        make_job(events=[ATTEMPT])
    seals.seal_heads()
    return made


def answer(people: People, job: Job) -> Any:
    found = people.alice.client().get(f"/api/jobs/{job.pk}/seal")
    assert found.status_code == 200, found.content
    return found.json()


def test_it_is_the_newest_seal_with_its_proof(people: People, job: Job) -> None:
    first = answer(people, job)
    assert (first["head"], first["seal"]["seq"]) == (2, 2)
    assert first["hash"] == bytes(job.head_hash).hex()
    append(job)
    assert answer(people, job)["seal"] == first["seal"]
    seals.seal_heads()
    second = answer(people, job)
    assert (second["head"], second["seal"]["seq"]) == (3, 3)
    for other in Job.objects.exclude(pk=job.pk):
        assert str(other.pk) not in str(second)


@pytest.mark.parametrize("place", range(7))
def test_every_jobs_proof_holds(people: People, job: Job, place: int) -> None:
    one = Job.objects.exclude(kind="system").order_by("pk")[place]
    found = verify_record(read_record(record_job(one.pk).lines()))
    assert found is not None
    assert (found.seal.number, found.seq) == (1, 2)
    assert bad_seals() == {}


def test_without_a_seal_there_is_none(people: People) -> None:
    made = make_job(people.alice.user, [ATTEMPT], team=people.red)
    assert answer(people, made)["seal"] is None


def test_a_seal_from_before_there_were_trees_proves_nothing_alone(
    people: People, job: Job, intruder: Intruder
) -> None:
    seal = Seal.objects.get()
    old = replace(parse_seal(seal.text), root=None).signed(private_key())
    intruder.run("update jobs_seal set text = %s", old)
    assert answer(people, job)["seal"] is None


def test_rows_that_were_not_signed_prove_nothing(
    people: People, job: Job, intruder: Intruder, seal_folder: Path
) -> None:
    intruder.run("update jobs_sealedhead set hash = %s where job <> %s", "00" * 32, job.pk)
    with pytest.raises(seals.SealFailed, match="not what was signed"):
        prove_head(job.pk, 2)
    client = people.alice.client()
    problem = client.get(f"/api/jobs/{job.pk}/seal")
    assert (problem.status_code, problem.json()["code"]) == (500, "seal_failed")


def test_only_those_get_it_who_may_read_the_job(people: People, job: Job) -> None:
    path = f"/api/jobs/{job.pk}/seal"
    assert people.carol.client().get(path).status_code == 404
    assert people.nobody.client().get(path).status_code == 404
    assert people.audrey.client().get(path).status_code == 200


def test_a_process_makes_only_a_few_at_a_time(people: People, job: Job) -> None:
    taken = [api._slots.acquire(blocking=False) for _ in range(api.AT_ONCE)]
    refused = people.alice.client().get(f"/api/jobs/{job.pk}/seal")
    for _ in taken:
        api._slots.release()
    assert (refused.status_code, refused.json()["code"]) == (429, "over_limit")


def test_a_recorded_job_that_is_over_ends_with_its_end(people: People, job: Job) -> None:
    append_events(
        job.pk, [NewEvent(EventType.JOB_SUCCEEDED, {"message": "ok"})], actor="worker:w/1"
    )
    history = record_job(job.pk).history()
    assert history.events[-1].type == "job.succeeded"
    assert history.header["head"] == 3
