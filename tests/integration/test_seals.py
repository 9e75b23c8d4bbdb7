"""Seals: what they vouch for, who makes them, what a crash leaves."""

from __future__ import annotations

import hashlib
import json
import stat
import threading
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection
from django.test import override_settings

from jobs import log
from jobs.integrity import seals, verify_job
from jobs.integrity.seals import SealFailed
from jobs.integrity.seals.make import LOCK, _hold_lock
from jobs.models import Job, Seal, SealedHead
from tests.support.environment import settings_from
from tests.support.factories import ATTEMPT, make_job
from tests.support.intruder import Intruder
from tests.support.sealing import (
    append,
    bad_seals,
    command,
    failing,
    file_of,
    overwrite,
    three_seals,
)
from tests.support.services import Services, with_database

pytestmark = pytest.mark.usefixtures("database", "seal_folder")


def test_a_seal_has_every_head_that_moved_and_follows_the_one_before(seal_folder: Path) -> None:
    jobs = [make_job(events=[ATTEMPT]) for _ in range(3)]
    first = seals.seal_heads()
    append(jobs[1])
    second = seals.seal_heads()
    assert first is not None
    assert second is not None
    assert [(made.number, made.heads) for made in (first, second)] == [(1, 3), (2, 1)]
    lines = [file_of(seal_folder, number).read_text().splitlines() for number in (1, 2)]
    jobs[1].refresh_from_db()
    hashed = bytes(jobs[1].head_hash).hex()
    assert lines[1][1:] == [f'{{"job":"{jobs[1].pk}","seq":3,"hash":"{hashed}"}}']
    assert [json.loads(line)["job"] for line in lines[0][1:]] == [str(job.pk) for job in jobs]
    reported = json.loads(lines[1][0])
    assert reported["previous"] == hashlib.sha256(lines[0][0].encode()).hexdigest()
    assert reported["digest"] == hashlib.sha256(f"{lines[1][1]}\n".encode()).hexdigest()
    assert json.loads(lines[0][0])["previous"] == "0" * 64
    assert [seal.text for seal in Seal.objects.order_by("number")] == [each[0] for each in lines]
    assert SealedHead.objects.filter(seal=1).count() == 3
    assert bad_seals() == {}
    assert all(verify_job(job.pk).ok for job in jobs)


def test_a_seal_can_be_checked_with_nothing_of_ours(seal_folder: Path) -> None:
    make_job()
    seals.seal_heads()
    line = file_of(seal_folder, 1).read_text().splitlines()[0]
    body, signature = line[:-144] + "}", bytes.fromhex(line[-130:-2])
    public = load_pem_public_key(seals.public_key().encode())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(signature, body.encode())  # raises where it is not


def test_nothing_new_is_said_and_nothing_written(seal_folder: Path) -> None:
    assert seals.seal_heads() is None
    assert not (seal_folder / "seals").exists()
    make_job()
    assert seals.seal_heads() is not None
    assert seals.seal_heads() is None
    assert [path.name for path in (seal_folder / "seals").iterdir()] == ["seal-00000001.ndjson"]


def test_the_key_is_made_once_and_is_its_owners(seal_folder: Path) -> None:
    first = seals.public_key()
    assert stat.S_IMODE((seal_folder / "seal_key").stat().st_mode) == 0o600
    assert seals.public_key() == first
    assert [path.name for path in seal_folder.iterdir()] == ["seal_key"]
    (seal_folder / "seal_key").write_text("no key")
    with pytest.raises(SealFailed, match="cannot be used"):
        seals.public_key()


def test_two_who_seal_at_once_make_one_seal_of_a_number() -> None:
    jobs = [make_job() for _ in range(4)]
    start = threading.Barrier(4)

    def work(job: Job) -> None:
        try:
            start.wait()
            for _ in range(5):
                seals.seal_heads()
                log.append(job.pk, [ATTEMPT], actor="worker:w/1")
            seals.seal_heads()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = list(Seal.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert bad_seals() == {}
    newest = {job.pk: Job.objects.get(pk=job.pk).head for job in jobs}
    assert set(newest.values()) == {6}
    for job, head in newest.items():
        assert SealedHead.objects.filter(job=job, seq=head).count() == 1


def test_a_seal_waits_for_the_one_under_way(database: str) -> None:
    make_job()
    done = threading.Event()

    def work() -> None:
        try:
            seals.seal_heads()
            done.set()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    with _hold_lock(wait=True):
        thread.start()
        with psycopg.connect(database, autocommit=True) as other:
            waiting = "select from pg_locks where locktype = 'advisory' and not granted"
            while not other.execute(waiting).fetchall():
                assert not done.is_set()
    thread.join()
    assert done.is_set()


def test_the_sweeper_leaves_it_to_the_one_under_way(database: str) -> None:
    make_job()
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s::bigint)", [LOCK])
        assert seals.seal_heads(wait=False) is None
        other.execute("select pg_advisory_unlock(%s::bigint)", [LOCK])
    assert Seal.objects.count() == 0
    assert seals.seal_heads(wait=False) is not None


def crash_before_the_rows(seal_folder: Path) -> tuple[str, Job]:
    """Leave what a crash between file and rows leaves: return the file's text, and the job."""
    job = make_job(events=[ATTEMPT])
    seals.seal_heads()
    append(job)
    seals.seal_heads()
    return file_of(seal_folder, 2).read_text(), job


def test_a_crash_between_file_and_rows_heals(seal_folder: Path, intruder: Intruder) -> None:
    content, job = crash_before_the_rows(seal_folder)
    kept = list(SealedHead.objects.values_list("seal_id", "job", "seq", "hash"))
    intruder.run("delete from jobs_sealedhead where seal_id = 2")
    intruder.run("delete from jobs_seal where number = 2")
    [reason] = bad_seals().values()
    assert "a crash kept `seal` from finishing" in reason
    assert "Run `seal`, which takes the file up." in reason
    append(job)
    made = seals.seal_heads()
    assert made is not None
    assert (made.number, made.heads) == (3, 2)  # the job, and the system's log of the adoption
    assert (
        list(SealedHead.objects.exclude(seal=3).values_list("seal_id", "job", "seq", "hash"))
        == kept
    )
    assert file_of(seal_folder, 2).read_text() == content
    assert bad_seals() == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content[: len(content) // 2], "it is not a seal"),
        (lambda content: content.replace('"seq":3', '"seq":2'), "not those that were signed"),
        (lambda content: content.replace('"heads":1', '"heads":2'), "not that of its key"),
        (lambda content: content + content.splitlines()[1] + "\n", "not those that were signed"),
        (lambda content: content + "{}\n", "not those that were signed"),
    ],
)
def test_a_file_in_the_way_that_is_no_seal_is_said(
    change: object, reason: str, seal_folder: Path, intruder: Intruder
) -> None:
    content, _job = crash_before_the_rows(seal_folder)
    intruder.run("delete from jobs_sealedhead where seal_id = 2")
    intruder.run("delete from jobs_seal where number = 2")
    assert callable(change)
    overwrite(file_of(seal_folder, 2), change(content))
    with pytest.raises(SealFailed, match=reason):
        seals.seal_heads()
    assert Seal.objects.count() == SealedHead.objects.count() == 1


def test_a_folder_that_takes_no_file_is_said(seal_folder: Path) -> None:
    make_job()
    (seal_folder / "seals").write_text("in the way")
    with pytest.raises(SealFailed, match="cannot be written"):
        seals.seal_heads()
    assert Seal.objects.count() == 0


def test_the_commands_say_what_they_did(seal_folder: Path) -> None:
    assert command("seal") == "Nothing to seal: no head has moved since seal 0.\n"
    assert json.loads(command("seal", "--json")) == {"sealed": False, "last": 0}
    make_job()
    made = json.loads(command("seal", "--json"))
    assert (made["sealed"], made["number"], made["heads"]) == (True, 1, 1)
    assert made["file"] == "seal-00000001.ndjson"
    make_job()
    assert command("seal").startswith("Seal 2: 1 head, digest ")
    assert command("seal") == "Nothing to seal: no head has moved since seal 2.\n"
    assert "BEGIN PUBLIC KEY" in command("seal", "--public-key")
    assert command("verify", "--all").splitlines() == [
        "2 jobs checked, all good.",
        "2 seals checked, all good.",
    ]
    lines = [json.loads(line) for line in command("verify", "--all", "--json").splitlines()]
    assert lines[2:] == [{"seal": 1, "ok": True}, {"seal": 2, "ok": True}]
    make_job()
    (seal_folder / "seal_key").write_text("no key")
    for failed in ("seal", "verify --all"):
        assert "cannot be used" in failing(*failed.split())
    assert "is not a public key" in failing("verify", "--all", "--key", "nothing")


def test_the_sealer_seals_when_the_last_seal_is_old_enough() -> None:
    job = make_job(events=[ATTEMPT])
    seals.seal_if_due()
    append(job)
    seals.seal_if_due()
    assert Seal.objects.count() == 1
    with override_settings(REPRISE=settings.REPRISE.with_changes(seal_hours=1e-9)):
        seals.seal_if_due()
    assert Seal.objects.count() == 2
    append(job)
    with override_settings(REPRISE=settings.REPRISE.with_changes(seal_hours=0)):
        seals.seal_if_due()
    assert Seal.objects.count() == 2


def test_the_sealer_goes_on_where_it_cannot_seal(
    seal_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_job()
    (seal_folder / "seal_key").write_text("no key")
    seals.seal_if_due()
    assert "not sealed" in caplog.text


@pytest.mark.parametrize("table", ["jobs_seal", "jobs_sealedhead"])
@pytest.mark.parametrize(
    "statement", ["update {} set id = 1", "delete from {}", "truncate {} cascade"]
)
def test_the_database_refuses_to_change_seals(
    table: str, statement: str, database: str, services: Services
) -> None:
    make_job()
    seals.seal_heads()
    statement = statement.replace("id", "number") if table == "jobs_seal" else statement
    address = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    with psycopg.connect(address) as superuser, pytest.raises(psycopg.errors.RestrictViolation):
        superuser.execute(statement.format(table).encode())
    assert bad_seals() == {}


def test_a_thousand_heads_are_sealed_and_adopted(seal_folder: Path, intruder: Intruder) -> None:
    intruder.run(
        "insert into jobs_job select (jsonb_populate_record("
        "  j, jsonb_build_object('id', gen_random_uuid()))).* "
        "from jobs_job j, generate_series(1, 2500) where j.id = %s",
        make_job().pk,
    )
    made = seals.seal_heads()
    assert made is not None
    assert made.heads == 2501
    kept = set(SealedHead.objects.values_list("job", "seq", "hash"))
    assert bad_seals() == {}
    intruder.run("delete from jobs_sealedhead")
    intruder.run("delete from jobs_seal")
    of_adoption = seals.seal_heads()
    assert of_adoption is not None
    assert of_adoption.heads == 1  # the system's log
    assert set(SealedHead.objects.exclude(seal=2).values_list("job", "seq", "hash")) == kept
    assert seals.seal_heads() is None
    assert bad_seals() == {}


def test_any_storage_of_djangos_will_do() -> None:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "seals": memory}):
        assert bad_seals() == {}
        job = three_seals()[0]
        assert bad_seals() == {}
        assert verify_job(job.pk).ok
        storages["seals"].delete("seal-00000002.ndjson")
        assert bad_seals() == {2: "Its file is missing."}


def test_the_storage_is_a_setting(tmp_path: Path) -> None:
    made = settings_from({"REPRISE_SEALS": str(tmp_path / "here")})
    with override_settings(STORAGES={**settings.STORAGES, "seals": made.seals}):
        make_job()
        seals.seal_heads()
    [path] = (tmp_path / "here").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    given = {"REPRISE_SEALS": '{"BACKEND": "a.bucket"}'}
    assert settings_from(given).seals == {"BACKEND": "a.bucket"}
