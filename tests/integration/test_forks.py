"""Forks: what they keep of which job, as whose; what is refused; and that the proof holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from jobs.commands.retry import retry
from jobs.events import EventType, NewEvent, parse
from jobs.events.fold import State, fold_all
from jobs.integrity import verify_job
from jobs.log import archive_frames
from jobs.log.state import state_at
from jobs.models import Job, StepRun
from tests.support import kinds
from tests.support.archives import MARCH, ArchiveFolder, archive, fed, texts
from tests.support.factories import ATTEMPT, id_in, make_job
from tests.support.intruder import Intruder
from tests.support.people import People, Person, post

pytestmark = pytest.mark.usefixtures("database", "say_kinds")

PLACES = ["gs-1", "gs-2", "gs-3", "gs-4"]
FAILED = NewEvent(EventType.JOB_FAILED, {"message": "Ill."})


def step(
    name: str, target: str | None, outcome: str = "succeeded", result: Any = None
) -> list[NewEvent]:
    common = {"try": 1, "occurrence": 1}
    began = NewEvent(EventType.STEP_STARTED, common, name, target)
    said = {"result": result} if result is not None else {}
    if outcome == "failed":
        said = {"error": {"type": "E", "message": "so"}}
    ended = NewEvent(EventType(f"step.{outcome}"), {**common, "seconds": 0.1, **said}, name, target)
    return [began, ended]


def ended_job(owner: Person, people: People, *events: NewEvent, **fields: Any) -> Job:
    params = kinds.Places(places=PLACES, ill=["gs-2"])
    values: dict[str, Any] = {
        "kind": "test-visit",
        "title": "Visit places",
        "params": params.model_dump(),
        "plan": kinds.Visit().plan(params).as_dict(),
        "labels": {"game": "chess"},
        "team": people.red,
    }
    return make_job(owner.user, [ATTEMPT, *events], **(values | fields))


def a_mixed_run(people: People, **fields: Any) -> Job:
    """gs-1 well, gs-2 failed at its second step, gs-3 put back, gs-4 not begun; seq 1 to 15."""
    return ended_job(
        people.alice, people,
        *step("now", None, result="2026-11-22T09:00:00.000000Z"),  # 3, 4
        *step("go", "gs-1", result={"at": 1}), *step("look", "gs-1"),  # 5 to 8
        *step("go", "gs-2", result={"at": 2}), *step("look", "gs-2", "failed"),  # 9 to 12
        *step("go", "gs-3"), *step("look", "gs-3", "failed"), *step("undo go", "gs-3"),  # to 18
        FAILED,
        **fields,
    )  # fmt: skip


def fork(person: Person, job: Job, body: object = None, **headers: str) -> Any:
    return post(person.client(), f"/api/jobs/{job.pk}/fork", body, **headers)


def kept(job_id: str) -> list[tuple[str, str | None, int]]:
    """Return which steps a fork keeps: name, target and the event that they were."""
    steps = state_at(Job.objects.get(pk=job_id).pk).steps.values()
    return [(one.step, one.target, one.kept or 0) for one in steps]


def test_each_target_goes_on_from_its_failed_step(people: People) -> None:
    job = a_mixed_run(people, priority=7)
    answer = fork(people.bob, job)
    made = answer.json()
    assert (answer.status_code, made["retry_of"]) == (201, str(job.pk))
    assert answer["Location"] == f"/api/jobs/{made['id']}"
    digest = bytes(job.head_hash).hex()
    assert made["forked_from"] == {"job": str(job.pk), "seq": job.head, "hash": digest}
    assert made["title"] == "Visit places from step look"
    assert (made["params"], made["labels"], made["team"]) == (job.params, job.labels, "red")
    assert (made["submitted_by"], made["status"]) == ("token:bob/test", "queued")
    assert made["priority"] == 7
    assert kept(made["id"]) == [
        ("now", None, 4), ("go", "gs-1", 6), ("look", "gs-1", 8), ("go", "gs-2", 10),
    ]  # fmt: skip
    assert verify_job(Job.objects.get(pk=made["id"]).pk).ok

    plan = people.bob.client().get(f"/api/jobs/{job.pk}/fork").json()
    assert (plan["seq"], plan["hash"], plan["kept"]) == (job.head, digest, 4)
    assert plan["words"] == "step look"
    assert plan["rows"] == [
        {"target": "gs-2", "kept": 1, "again": "look"},
        {"target": "gs-3", "kept": 0, "again": "go"},
    ]


def test_the_forks_log_is_whole_by_itself(people: People) -> None:
    """Its fold at every seq needs no other log, and the API, at a moment, shows what is kept."""
    job = a_mixed_run(people)
    made = fork(people.bob, job).json()
    pk = Job.objects.get(pk=made["id"]).pk
    events = [parse(text) for text in texts(pk)]
    assert [event.type for event in events] == ["job.submitted", *["step.kept"] * 4]
    assert events[0].data["forked_from"] == made["forked_from"]
    for seq in range(1, len(events) + 1):
        assert state_at(pk, seq) == fold_all(State(), events[:seq])
    shown = people.vera.client().get(f"/api/jobs/{pk}?at=3").json()["steps"]
    assert [(one["step"], one["status"], one["result"], one["kept"]) for one in shown] == [
        ("now", "succeeded", "2026-11-22T09:00:00.000000Z", 4), ("go", "succeeded", {"at": 1}, 6),
    ]  # fmt: skip


def test_up_to_a_seq_all_is_kept_as_it_was(people: People) -> None:
    job = a_mixed_run(people)
    made = fork(people.bob, job, {"at": 12}).json()
    assert (made["forked_from"]["seq"], made["title"]) == (12, "Visit places from step go")
    assert made["forked_from"]["hash"] == parse(texts(job.pk)[11]).hash
    steps = state_at(Job.objects.get(pk=made["id"]).pk).steps
    assert [(one.step, one.target, one.status) for one in steps.values()][-2:] == [
        ("go", "gs-2", "succeeded"), ("look", "gs-2", "failed"),
    ]  # fmt: skip
    assert steps["look", "gs-2", 1].error == {"type": "E", "message": "so"}
    # Of a step that was under way nothing is kept.
    assert kept(fork(people.bob, job, {"at": 9}).json()["id"])[-1] == ("look", "gs-1", 8)
    for seq in (0, -1, 2.5, True, "12", "all", job.head + 1, 2**63, None, [3]):
        refused = fork(people.bob, job, {"at": seq})
        assert (seq, refused.status_code in {400, 422}) == (seq, True), refused.content


def test_a_fork_may_be_of_some_targets_alone(people: People) -> None:
    job = a_mixed_run(people)
    made = fork(people.bob, job, {"targets": ["gs-2"]}).json()
    assert made["params"] == {"places": ["gs-2"], "ill": ["gs-2"]}
    assert kept(made["id"]) == [("now", None, 4), ("go", "gs-2", 10)]
    for wrong, pointer in ((["gs-2", "gs-9"], "/targets/1"), ([], "/targets")):
        refused = fork(people.bob, job, {"targets": wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_params")
        assert refused.json()["errors"][0]["pointer"] == pointer
    load = make_job(people.root.user, [ATTEMPT, FAILED], kind="load", params={"events": 1})
    refused = fork(people.root, load, {"targets": ["gs-2"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_now")


def test_params_that_are_given_replace_those_of_the_same_names(people: People) -> None:
    job = a_mixed_run(people)
    made = fork(people.bob, job, {"params": {"ill": []}}).json()
    assert made["params"] == {"places": PLACES, "ill": []}
    # What the new parameters have no longer leaves nothing behind that nobody asks for.
    made = fork(people.bob, job, {"params": {"places": ["gs-2", "gs-7"]}}).json()
    assert kept(made["id"]) == [("now", None, 4), ("go", "gs-2", 10)]
    refused = fork(people.bob, job, {"params": {"places": 3}})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/places")


def test_a_chosen_title_stays_and_says_once_from_where(people: People) -> None:
    job = a_mixed_run(people, title="Friday's round")
    made = fork(people.bob, job).json()
    assert made["title"] == "Friday's round from step look"
    again = Job.objects.get(pk=made["id"])
    post(people.bob.client(), f"/api/jobs/{again.pk}/cancel")
    # Cancelled before it ran: what it had kept is kept, and it says so from its own log.
    forked = fork(people.bob, again).json()
    assert forked["title"].startswith("Friday's round from event ")
    assert forked["forked_from"]["job"] == made["id"]
    seqs = [event.seq for event in map(parse, texts(again.pk)) if event.type == "step.kept"]
    assert [seq for _, _, seq in kept(forked["id"])] == seqs
    assert verify_job(Job.objects.get(pk=forked["id"]).pk).ok
    long = a_mixed_run(people, title="T" * 300)
    assert fork(people.bob, long).json()["title"] == f"{'T' * 285} from step look"


def test_what_is_not_over_or_did_not_fail_is_refused(people: People) -> None:
    running = ended_job(people.alice, people, *step("go", "gs-1"))
    for body in (None, {"at": 3}):
        refused = fork(people.bob, running, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_now")
        assert refused.json()["detail"] == "The job is running: it can be forked when it is over."
    over = NewEvent(EventType.JOB_SUCCEEDED, {"message": "Well."})
    well = ended_job(people.alice, people, *step("go", "gs-1"), over)
    refused = fork(people.bob, well)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_now")
    assert fork(people.bob, well, {"at": 4}).status_code == 201  # with today's code


def test_the_same_key_makes_one_fork(people: People) -> None:
    job, key = a_mixed_run(people), {"Idempotency-Key": "again-1"}
    first, second = fork(people.bob, job, **key), fork(people.bob, job, {"at": "failed"}, **key)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    others: list[dict[str, Any]] = [{"at": 4}, {"targets": ["gs-1"]}, {"params": {}}]
    for body in others:
        answer = fork(people.bob, job, body, **key)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")


def test_who_may_not_retry_may_not_fork(people: People) -> None:
    job = a_mixed_run(people)
    for person in (people.vera, people.carol):
        path = f"/api/jobs/{job.pk}/fork"
        theirs = [post(person.client(), path).status_code, person.client().get(path).status_code]
        retried = post(person.client(), f"/api/jobs/{job.pk}/retry").status_code
        assert theirs == [retried, retried]
    assert retried in {403, 404}
    load = make_job(people.alice.user, [ATTEMPT, FAILED], kind="load", params={})
    assert fork(people.alice, load).status_code == 403  # staff only


def test_steps_that_another_job_did_are_counted_there(people: People) -> None:
    job = a_mixed_run(people)
    made = fork(people.bob, job).json()
    fed()
    call_command("rebuild", made["id"], write=True, stdout=StringIO())
    assert not StepRun.objects.filter(job=made["id"]).exists()


def test_an_edited_prefix_is_refused(people: People, intruder: Intruder) -> None:
    job = a_mixed_run(people)
    intruder.change(job.pk, 6, '"at":1', '"at":7')
    for body in (None, {"at": 8}, {"at": 6}, {"at": 5}):
        refused = fork(people.bob, job, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "prefix_changed"), body
        assert "Event 6 was changed" in refused.json()["detail"]
    assert people.bob.client().get(f"/api/jobs/{job.pk}/fork").status_code == 409
    assert Job.objects.exclude(kind="system").count() == 1


def test_an_event_with_a_hash_made_to_fit_is_refused(people: People, intruder: Intruder) -> None:
    """Up to the edited event the chain holds; the next one gives it away."""
    job = a_mixed_run(people)
    changed = [text.replace('"at":1', '"at":7') for text in texts(job.pk)[:6]]
    intruder.rewrite(job.pk, changed, row=False)
    for seq in (6, 8):
        assert fork(people.bob, job, {"at": seq}).json()["code"] == "prefix_changed"


def test_verify_finds_a_source_that_was_rewritten_whole(people: People, intruder: Intruder) -> None:
    """Its own chain holds again, but not with the hash that the fork has kept."""
    job = a_mixed_run(people)
    made = Job.objects.get(pk=fork(people.bob, job, {"at": 8}).json()["id"])
    intruder.rewrite(job.pk, [text.replace('"at":1', '"at":7') for text in texts(job.pk)])
    verdict = verify_job(made.pk)
    assert (verdict.ok, verdict.seq) == (False, 1)
    assert str(job.pk) in str(verdict.reason)
    assert "another hash" in str(verdict.reason)


def test_verify_finds_a_kept_result_that_is_not_the_sources(
    people: People, intruder: Intruder
) -> None:
    made = Job.objects.get(pk=fork(people.bob, a_mixed_run(people)).json()["id"])
    intruder.rewrite(made.pk, [text.replace('{"at":1}', '{"at":7}') for text in texts(made.pk)])
    verdict = verify_job(made.pk)
    assert (verdict.ok, verdict.seq) == (False, 3)
    assert "keeps a step" in str(verdict.reason)


def test_the_row_keeps_what_was_submitted(people: People, intruder: Intruder) -> None:
    made = Job.objects.get(pk=fork(people.bob, a_mixed_run(people)).json()["id"])
    intruder.run("update jobs_job set forked_from = null where id = %s", made.pk)
    verdict = verify_job(made.pk)
    assert (verdict.ok, "forked_from" in str(verdict.reason)) == (False, True)


def test_an_archived_job_is_forked_as_any_other(
    people: People, archive_folder: ArchiveFolder
) -> None:
    job = a_mixed_run(people, id=id_in(datetime(MARCH.year, MARCH.number, 1, tzinfo=UTC)))
    before = Job.objects.get(pk=fork(people.bob, job).json()["id"])
    fed()
    archive()
    after = fork(people.bob, job).json()
    assert kept(after["id"]) == kept(str(before.pk))
    for made in (before.pk, Job.objects.get(pk=after["id"]).pk):
        assert verify_job(made).ok
    for name in archive_folder.files:
        (archive_folder.folder / name).unlink()
    archive_frames.frame_texts.cache_clear()
    refused = fork(people.bob, job)
    assert (refused.status_code, refused.json()["code"]) == (410, "history_expired")
    assert verify_job(before.pk).ok  # what is kept stands in its own log


def test_a_fork_is_exported_and_imported_with_its_source(people: People, tmp_path: Any) -> None:
    job = a_mixed_run(people)
    made = fork(people.bob, job).json()
    exports = {name: StringIO() for name in (str(job.pk), made["id"])}
    for name, out in exports.items():
        call_command("export", name, stdout=out)
    header = json.loads(exports[made["id"]].getvalue().splitlines()[0])
    assert header["job"]["forked_from"] == made["forked_from"]
    file = tmp_path / "jobs.ndjson"
    forged = exports[made["id"]].getvalue().replace(f'"seq":{job.head},"hash"', '"seq":4,"hash"', 1)
    file.write_text(exports[str(job.pk)].getvalue() + forged)
    with pytest.raises(Exception, match="forked_from"):
        call_command("import", str(file), unfinished=True, stdout=StringIO())


def test_a_retry_of_a_fork_keeps_nothing(people: People) -> None:
    made = Job.objects.get(pk=fork(people.bob, a_mixed_run(people)).json()["id"])
    post(people.bob.client(), f"/api/jobs/{made.pk}/cancel")
    again, _new = retry(people.bob.principal, made.pk, "all")
    assert (again.forked_from, again.head) == (None, 1)
