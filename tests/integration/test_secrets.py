"""Secrets, from the request to a real worker: nowhere but in the step that asks."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core import clock
from core.errors import IdempotencyConflict, InvalidParams
from jobs import commands, log, schedules
from jobs.commands import retry
from jobs.commands.fork import fork
from jobs.events import EventType, NewEvent, parse
from jobs.models import Job, Schedule, StoredSecret
from jobs.secrets import MASK, Secret, keys, store
from jobs.secrets.masking import Masks
from jobs.secrets.vault import Vault
from tests.integration import secret_kinds
from tests.integration.secret_kinds import PASSWORD, PIN, Spill
from tests.support.encoders import leaks
from tests.support.factories import ATTEMPT
from tests.support.people import People, post
from tests.support.waiting import until

PARAMS: dict[str, Any] = {
    "password": PASSWORD,
    "pin": PIN,
    "logins": [{"password": "second secret"}, {"password": "third secret"}],
    "free": {"secret": "none"},  # looks like a reference, and is just a dict
}
VALUES = (PASSWORD, PIN, "second secret", "third secret")
REFERENCES = {
    "password": {"secret": "password"},
    "pin": {"secret": "pin"},
    "logins": [
        {"user": "deploy", "password": {"secret": "logins/0/password"}},
        {"user": "deploy", "password": {"secret": "logins/1/password"}},
    ],
    "free": {"secret": "none"},
    "end": "well",
}


@pytest.fixture(autouse=True)
def key_file(database: str, tmp_path: Path) -> Iterator[Path]:
    with secret_kinds.secretive(tmp_path) as file:
        yield file


def submit(people: People, key: str | None = None, **changed: Any) -> Job:
    params = PARAMS | changed
    return commands.submit(people.alice.principal, Spill.name, params, idempotency_key=key)[0]


def ended(people: People) -> Job:
    job = submit(people)
    ill = NewEvent(EventType.JOB_FAILED, {"message": "Ill."})
    log.append(job.pk, [ATTEMPT, ill], actor="worker:w")
    job.refresh_from_db()
    return job


def values(job: Job) -> dict[str, str]:
    return store.secret_values(job.pk)


def manage(*arguments: str) -> str:
    reported = StringIO()
    call_command("secrets", *arguments, stdout=reported)
    return reported.getvalue()


def outcome(job: Job) -> Job:
    def over() -> bool:
        job.refresh_from_db()
        return job.finished_at is not None

    until(over, "the job's end")
    return job


def test_nothing_stored_but_the_ciphertext_has_a_secret(people: People, database: str) -> None:
    client = people.alice.client()
    planned = post(client, "/api/plan", {"kind": Spill.name, "params": PARAMS}).json()
    made = post(client, "/api/jobs", {"kind": Spill.name, "params": PARAMS})
    assert made.status_code == 201
    job = made.json()
    assert job["params"] == REFERENCES
    assert planned["plan"]["words"] == job["plan"]["words"] == f"Say {MASK} and {MASK}."
    assert planned["title"] == job["title"] == f"Spill {MASK} {MASK} {MASK}"

    stored = secret_kinds.everything(database)
    assert [value for value in VALUES if value in stored] == []
    assert values(Job.objects.get(pk=job["id"])) == {
        "password": PASSWORD,
        "pin": PIN,
        "logins/0/password": "second secret",
        "logins/1/password": "third secret",
    }


def test_the_schema_asks_for_a_password(people: People) -> None:
    kinds = people.alice.client().get("/api/kinds").json()["kinds"]
    [schema] = [kind["schema"] for kind in kinds if kind["name"] == Spill.name]
    asked = {"type": "string", "format": "password", "writeOnly": True}
    assert asked.items() <= schema["properties"]["password"].items()
    assert asked.items() <= schema["properties"]["pin"]["anyOf"][0].items()


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ("abc", "At least 4 characters: a shorter secret cannot be masked"),
        ("x" * 16_385, "At most 16384 characters"),
        (12345, "Give a string"),
        ({"secret": "password"}, "Enter it again. A stored secret is not shown."),
    ],
)
def test_what_is_no_secret_is_refused_without_repeating_it(
    people: People, given: object, detail: str
) -> None:
    with pytest.raises(InvalidParams) as refused:
        submit(people, password=given)
    assert refused.value.errors == [{"pointer": "/password", "detail": detail}]


def test_a_key_submits_once_and_tells_another_secret_apart(
    people: People, database: str, key_file: Path
) -> None:
    job = submit(people, "k1")
    assert submit(people, "k1").pk == job.pk
    manage("add-key")
    assert submit(people, "k1").pk == job.pk
    with pytest.raises(IdempotencyConflict):
        submit(people, "k1", password="another one")
    assert StoredSecret.objects.filter(job=job).count() == 4


def test_a_real_worker_lets_no_secret_out(
    people: People, database: str, redis: str, tmp_path: Path, key_file: Path
) -> None:
    ends = ("well", "badly", "broken", "long")
    jobs = [submit(people, end=end) for end in ends]
    with secret_kinds.worker(tmp_path, key_file) as reported:
        over = {end: outcome(job) for end, job in zip(ends, jobs, strict=True)}
    assert {end: job.status for end, job in over.items()} == {
        "well": "succeeded", "badly": "failed", "broken": "failed", "long": "failed",
    }  # fmt: skip
    assert over["well"].message == f"Logged in with {MASK}."
    assert over["badly"].message == f"again: no: {MASK}."
    assert over["broken"].message == f"The handler broke: RuntimeError: cannot log in with {MASK}"
    assert over["long"].message == "x" * 3990 + MASK

    exported = "".join(_exported(job) for job in jobs)
    everywhere = secret_kinds.everything(database) + exported + reported.read_text()
    assert [value for value in VALUES if value in everywhere] == []
    assert MASK in reported.read_text()
    events = [parse(text) for text in log.read(jobs[0].pk).texts]
    shown = {
        (event.step, event.data["stream"]): _output(jobs[0], event.step, event.data["stream"])
        for event in events
        if event.type == "step.output"
    }
    assert shown["print", "err"] == MASK
    assert shown["print", "out"].startswith(f"{MASK}\n{MASK} ")
    assert shown["commands", "out"].startswith(MASK)
    assert f"SPILLED={MASK}\n" in shown["commands", "out"]
    assert leaks(PASSWORD, shown["commands", "out"].replace(MASK, " ")) == []
    assert shown["first part", "out"] + shown["second part", "out"] == f"{PASSWORD[:9]}{MASK}"
    [told] = [e for e in events if e.type == "step.succeeded" and e.step == "print"]
    assert told.data["result"]["pin"] == MASK
    assert told.data["result"]["others"] == [MASK, MASK]


def _exported(job: Job) -> str:
    reported = StringIO()
    call_command("export", str(job.pk), stdout=reported)
    return reported.getvalue()


def _output(job: Job, step: str | None, stream: str) -> str:
    found = [parse(text) for text in log.read(job.pk).texts]
    return "".join(
        event.data["text"]
        for event in found
        if event.type == "step.output" and event.step == step and event.data["stream"] == stream
    )


def test_a_job_whose_key_is_elsewhere_fails_and_says_so(
    people: People, redis: str, tmp_path: Path, key_file: Path
) -> None:
    job, stored = submit(people), key_file.read_text()
    [key] = keys.key_ring()
    other = tmp_path / "other_keys"
    with secret_kinds.worker(tmp_path, other):
        assert outcome(job).message == (
            f"The secret logins/0/password cannot be read here: it is encrypted with the key"
            f" {key.id}, which is not among this machine's (REPRISE_SECRET_KEYS)."
        )
        other.write_text(stored)  # read anew for each run
        assert outcome(submit(people)).status == "succeeded"


def test_a_ciphertext_holds_for_its_job_and_name_only(people: People) -> None:
    first, second = submit(people), submit(people)
    row = StoredSecret.objects.get(job=first, name="password")
    StoredSecret.objects.filter(job=second, name="password").update(ciphertext=row.ciphertext)
    StoredSecret.objects.filter(job=first, name="pin").update(ciphertext=row.ciphertext)
    for job in (first, second):
        with pytest.raises(keys.SecretUnreadable, match="cannot be read: it was changed or"):
            values(job)


def test_a_retry_takes_the_secrets_over_unless_they_are_forgotten(people: People) -> None:
    old = ended(people)
    new, _ = retry.retry(people.alice.principal, old.pk, "all")
    assert new.params == old.params
    assert values(new) == values(old)

    assert manage("forget", "--ended-before", clock.rfc3339(clock.now())) == "4 deleted.\n"
    assert StoredSecret.objects.exclude(job=new).count() == 0
    with pytest.raises(InvalidParams) as refused:
        retry.retry(people.alice.principal, old.pk, "all")
    assert [error["pointer"] for error in refused.value.errors] == [
        "/password", "/pin", "/logins/0/password", "/logins/1/password",
    ]  # fmt: skip
    assert refused.value.errors[0]["detail"] == "It has been deleted. Start a new job and enter it."


def test_a_fork_takes_the_secrets_over_as_a_retry_does(people: People) -> None:
    old = ended(people)
    new, _ = fork(people.alice.principal, old.pk)
    assert (new.params, values(new)) == (old.params, values(old))


def test_a_fork_with_other_params_needs_the_secrets_again(people: People) -> None:
    """Else whoever may steer the job could have its secrets sent anywhere."""
    old, bob = ended(people), people.bob.principal
    for changed in ({}, {"free": {"to": "elsewhere"}}, {"pin": "9-9-9-9"}):
        with pytest.raises(InvalidParams) as refused:
            fork(bob, old.pk, params=changed)
        assert refused.value.errors[0] == {
            "pointer": "/password",
            "detail": "Enter it again. A stored secret is not shown.",
        }
    again = {name: PARAMS[name] for name in ("password", "logins")} | {"pin": "9-9-9-9"}
    new, _ = fork(bob, old.pk, params=again, idempotency_key="a")
    assert (new.params, values(new)) == (old.params, values(old) | {"pin": "9-9-9-9"})
    same, made = fork(bob, old.pk, params=again, idempotency_key="a")
    assert (same.pk, made) == (new.pk, False)
    request = {"fork_of": str(old.pk), "at": "failed", "targets": None, "params": again}
    canonical = json.dumps(request, sort_keys=True, ensure_ascii=False).encode()
    assert bytes(new.request_hash or b"") != hashlib.sha256(canonical).digest()


def test_secrets_of_jobs_that_have_not_ended_are_not_forgotten(people: People) -> None:
    submit(people)
    ended(people)
    assert manage("forget", "--ended-before", "2020-01-01") == "0 deleted.\n"
    assert manage("forget", "--ended-before", "2999-01-01T00:00:00+01:00") == "4 deleted.\n"
    assert StoredSecret.objects.count() == 4
    with pytest.raises(CommandError, match="is no moment"):
        manage("forget", "--ended-before", "soon")


def test_keys_are_rotated(people: People, key_file: Path) -> None:
    assert manage("keys") == "There is no key yet: the first secret makes one.\n"
    job = submit(people)
    [old] = keys.key_ring()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    manage("add-key")
    new = keys.newest_key()
    assert [key.id for key in keys.key_ring()] == [new.id, old.id]
    assert json.loads(manage("keys", "--json")) == [
        {"key": new.id, "here": True, "secrets": 0},
        {"key": old.id, "here": True, "secrets": 4},
    ]
    before = values(job)
    assert manage("rotate") == f"4 encrypted anew; all are under {new.id}.\n"
    assert manage("rotate") == f"0 encrypted anew; all are under {new.id}.\n"
    assert values(job) == before
    assert manage("keys").splitlines()[0] == f"{new.id}           4 secrets  newest"
    manage("add-key")
    assert list(store.rotate_keys(batch_size=3)) == [3, 1]
    assert values(job) == before


def test_rotating_names_the_job_whose_key_is_lost(people: People, key_file: Path) -> None:
    job = submit(people)
    [lost] = keys.key_ring()
    key_file.unlink()
    manage("add-key")
    with pytest.raises(CommandError, match=f"Job {job.pk}: .* the key {lost.id}, which is not"):
        manage("rotate")
    assert f"{lost.id}           4 secrets  not on this machine" in manage("keys")
    key_file.write_text("no key\n")
    with pytest.raises(CommandError, match="Line 1 of the keys for secrets is not a key"):
        manage("keys")


def test_a_schedule_keeps_no_secret(people: People) -> None:
    wanted = Schedule(
        name="s", kind=Spill.name, cron="* * * * *", owner=people.alice.user, params=PARAMS
    )
    assert schedules.find_problem(wanted) == (
        "params",
        "A schedule keeps its parameters as they are: no secrets.",
    )


def test_what_runs_read_again_is_not_masked() -> None:
    vault = Vault()
    vault.masks = Masks(["2026", "1000", "timer"])
    wait = {"for": "timer", "name": "timer", "until": "2026-11-22T09:00:00Z"}
    waiting = NewEvent(EventType.JOB_WAITING, {"for": "timer", "waits": [wait], "count": 1})
    progressed = NewEvent(EventType.JOB_PROGRESSED, {"done": 1, "total": 1000, "failed": 0})
    reported = vault.masked([waiting, progressed])
    assert [event.data for event in reported] == [
        {**waiting.data, "waits": [{**wait, "name": MASK}]},
        progressed.data,
    ]


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(PASSWORD, "password")
    assert [repr(secret), str(secret), f"{secret:>30}", "%s" % secret] == [MASK] * 4  # noqa: UP031
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        json.dumps(secret)
