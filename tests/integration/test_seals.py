"""Seals: what they vouch for, what a crash leaves, and every tampering with them."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import override_settings

from core.config import Config
from jobs import log, seals
from jobs.integrity import verify, verify_seals
from jobs.models import Job, Seal, SealedHead
from jobs.seals import SealFailed, text
from jobs.seals import key as keys
from jobs.seals.make import LOCK, _alone
from tests.factories import ATTEMPT, make_job, output
from tests.services import Services, with_database
from tests.tampering import Intruder, intruder

pytestmark = pytest.mark.usefixtures("database", "folder")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A state folder of this test's own: seals in `seals`, the key in `seal_key`."""
    of_seals = {**settings.STORAGES["seals"], "OPTIONS": {"location": tmp_path / "seals"}}
    storages = {**settings.STORAGES, "seals": of_seals}
    config = replace(settings.REPRISE, state=tmp_path, seal_key=tmp_path / "seal_key")
    with override_settings(STORAGES=storages, REPRISE=config):
        yield tmp_path


@pytest.fixture
def eve(database: str, services: Services) -> Iterator[Intruder]:
    """Somebody who owns the database."""
    with intruder(services, database) as found:
        yield found


def append(job: Job, count: int = 1) -> None:
    log.append(job.pk, [output("more")] * count, actor="worker:w/1")


def file_of(folder: Path, number: int) -> Path:
    return folder / "seals" / f"seal-{number:08d}.ndjson"


def overwrite(path: Path, content: str) -> None:
    path.chmod(0o600)
    path.write_text(content)


def bad_seals(*given: str) -> dict[int, str]:
    found = verify_seals(given)
    return {verdict.seal: str(verdict.reason) for verdict in found if not verdict.ok}


def three_seals() -> list[Job]:
    """Return two jobs: three seals, of both, of the second, of the first."""
    jobs = [make_job(events=[ATTEMPT]) for _ in range(2)]
    seals.seal()
    append(jobs[1])
    seals.seal()
    append(jobs[0], 3)
    assert seals.seal() is not None
    return jobs


def test_a_seal_has_every_head_that_moved_and_follows_the_one_before(folder: Path) -> None:
    jobs = [make_job(events=[ATTEMPT]) for _ in range(3)]
    first = seals.seal()
    append(jobs[1])
    second = seals.seal()
    assert first is not None
    assert second is not None
    assert [(made.number, made.heads) for made in (first, second)] == [(1, 3), (2, 1)]
    lines = [file_of(folder, number).read_text().splitlines() for number in (1, 2)]
    jobs[1].refresh_from_db()
    hashed = bytes(jobs[1].head_hash).hex()
    assert lines[1][1:] == [f'{{"job":"{jobs[1].pk}","seq":3,"hash":"{hashed}"}}']
    assert [json.loads(line)["job"] for line in lines[0][1:]] == [str(job.pk) for job in jobs]
    said = json.loads(lines[1][0])
    assert said["previous"] == hashlib.sha256(lines[0][0].encode()).hexdigest()
    assert said["digest"] == hashlib.sha256(f"{lines[1][1]}\n".encode()).hexdigest()
    assert json.loads(lines[0][0])["previous"] == "0" * 64
    assert [seal.text for seal in Seal.objects.order_by("number")] == [each[0] for each in lines]
    assert SealedHead.objects.filter(seal=1).count() == 3
    assert bad_seals() == {}
    assert all(verify(job.pk).ok for job in jobs)


def test_a_seal_can_be_checked_with_nothing_of_ours(folder: Path) -> None:
    make_job()
    seals.seal()
    line = file_of(folder, 1).read_text().splitlines()[0]
    body, signature = line[:-144] + "}", bytes.fromhex(line[-130:-2])
    public = load_pem_public_key(seals.public_key().encode())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(signature, body.encode())  # raises where it is not


def test_nothing_new_is_said_and_nothing_written(folder: Path) -> None:
    assert seals.seal() is None
    assert not (folder / "seals").exists()
    make_job()
    assert seals.seal() is not None
    assert seals.seal() is None
    assert [path.name for path in (folder / "seals").iterdir()] == ["seal-00000001.ndjson"]


def test_the_key_is_made_once_and_is_its_owners(folder: Path) -> None:
    first = seals.public_key()
    assert stat.S_IMODE((folder / "seal_key").stat().st_mode) == 0o600
    assert seals.public_key() == first
    assert [path.name for path in folder.iterdir()] == ["seal_key"]
    (folder / "seal_key").write_text("no key")
    with pytest.raises(SealFailed, match="cannot be used"):
        seals.public_key()


def test_two_who_seal_at_once_make_one_seal_of_a_number() -> None:
    jobs = [make_job() for _ in range(4)]
    start = threading.Barrier(4)

    def work(job: Job) -> None:
        try:
            start.wait()
            for _ in range(5):
                seals.seal()
                log.append(job.pk, [ATTEMPT], actor="worker:w/1")
            seals.seal()
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
            seals.seal()
            done.set()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    with _alone(wait=True):
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
        assert seals.seal(wait=False) is None
    assert Seal.objects.count() == 0
    assert seals.seal(wait=False) is not None


def crash_before_the_rows(folder: Path) -> tuple[str, Job]:
    """Leave what a crash between file and rows leaves: return the file's text, and the job."""
    job = make_job(events=[ATTEMPT])
    seals.seal()
    append(job)
    seals.seal()
    return file_of(folder, 2).read_text(), job


def test_a_crash_between_file_and_rows_heals(folder: Path, eve: Intruder) -> None:
    content, job = crash_before_the_rows(folder)
    kept = list(SealedHead.objects.values_list("seal_id", "job", "seq", "hash"))
    eve.run("delete from jobs_sealedhead where seal_id = 2")
    eve.run("delete from jobs_seal where number = 2")
    assert bad_seals() == {2: "Its row is missing: removed, or a crash kept `seal` from finishing."}
    append(job)
    made = seals.seal()
    assert made is not None
    assert (made.number, made.heads) == (3, 1)
    assert (
        list(SealedHead.objects.exclude(seal=3).values_list("seal_id", "job", "seq", "hash"))
        == kept
    )
    assert file_of(folder, 2).read_text() == content
    assert bad_seals() == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content[: len(content) // 2], "it is no seal"),
        (lambda content: content.replace('"seq":3', '"seq":2'), "not those that were signed"),
        (lambda content: content.replace('"heads":1', '"heads":2'), "not that of its key"),
        (lambda content: content + content.splitlines()[1] + "\n", "not those that were signed"),
        (lambda content: content + "{}\n", "not those that were signed"),
    ],
)
def test_a_file_in_the_way_that_is_no_seal_is_said(
    change: object, reason: str, folder: Path, eve: Intruder
) -> None:
    content, _job = crash_before_the_rows(folder)
    eve.run("delete from jobs_sealedhead where seal_id = 2")
    eve.run("delete from jobs_seal where number = 2")
    assert callable(change)
    overwrite(file_of(folder, 2), change(content))
    with pytest.raises(SealFailed, match=reason):
        seals.seal()
    assert Seal.objects.count() == SealedHead.objects.count() == 1


def test_a_folder_that_takes_no_file_is_said(folder: Path) -> None:
    make_job()
    (folder / "seals").write_text("in the way")
    with pytest.raises(SealFailed, match="cannot be written"):
        seals.seal()
    assert Seal.objects.count() == 0


def test_a_rewritten_history_is_found_by_the_seal_alone(eve: Intruder) -> None:
    job = make_job(events=[ATTEMPT, *(output(f"line {number}") for number in range(20))])
    append(job)
    texts = eve.texts(job.pk)
    texts[10] = texts[10].replace("line 8", "line 9")
    eve.rewrite(job.pk, texts)
    assert verify(job.pk).ok  # nobody has vouched for it yet
    seals.seal()
    texts[5] = texts[5].replace("line 3", "line 4")
    append(job, 2)
    eve.rewrite(job.pk, texts + eve.texts(job.pk)[len(texts) :])
    verdict = verify(job.pk)
    assert (verdict.ok, verdict.seq) == (False, 23)
    assert "Seal 1 has another hash for event 23" in str(verdict.reason)


def test_what_follows_the_last_seal_is_not_vouched_for(eve: Intruder) -> None:
    job = make_job(events=[ATTEMPT])
    seals.seal()
    append(job, 5)
    texts = eve.texts(job.pk)
    eve.rewrite(job.pk, [*texts[:4], texts[4].replace("more", "less"), *texts[5:]])
    assert verify(job.pk).ok
    seals.seal()
    assert verify(job.pk).ok


def test_a_log_cut_with_its_row_is_found_by_the_seal(eve: Intruder) -> None:
    job = make_job(events=[ATTEMPT, output("a"), output("b")])
    seals.seal()
    eve.run("delete from jobs_event where job = %s and seq > 3", job.pk)
    eve.run(
        "update jobs_job j set head = 3, last_at = e.at, head_hash = decode("
        "substring(right(e.text, 66) for 64), 'hex') from jobs_event e "
        "where j.id = %s and e.job = j.id and e.seq = 3",
        job.pk,
    )
    verdict = verify(job.pk)
    assert (verdict.ok, verdict.seq) == (False, 4)
    assert "cut off: the log ends at event 3, but seal 1 has 4" in str(verdict.reason)


def test_a_job_removed_as_a_whole_is_found_by_the_seal(eve: Intruder) -> None:
    job = make_job()
    seals.seal()
    eve.run("delete from jobs_event where job = %s", job.pk)
    eve.run("delete from jobs_job where id = %s", job.pk)
    said = failing("verify", "--all")
    assert f"{job.pk}  bad at 1: The job's row is gone" in said


def test_a_row_that_is_changed_is_found(eve: Intruder) -> None:
    three_seals()
    eve.run(
        "update jobs_seal set text = replace(text, '\"heads\":1', '\"heads\":0') where number = 2"
    )
    assert bad_seals() == {2: "Its row was changed: its signature is not that of its key."}
    eve.run("update jobs_seal set text = 'x' where number = 2")
    assert bad_seals() == {2: "Its row was changed: it is no seal."}


def test_a_moment_that_is_changed_is_found(eve: Intruder) -> None:
    three_seals()
    eve.run("update jobs_seal set at = at - interval '1 day' where number = 2")
    assert list(bad_seals()) == [2]


@pytest.mark.parametrize("change", ["set hash = repeat('0', 64)", "set seq = seq + 7"])
def test_a_head_that_is_changed_is_found(change: str, eve: Intruder) -> None:
    jobs = three_seals()
    eve.run(f"update jobs_sealedhead {change} where seal_id = 2")
    assert bad_seals() == {2: "The heads of its row are not those that were signed."}
    assert not verify(jobs[1].pk).ok


def test_a_head_that_is_removed_is_found(eve: Intruder) -> None:
    jobs = three_seals()
    eve.run("delete from jobs_sealedhead where seal_id = 1 and job = %s", jobs[0].pk)
    assert bad_seals() == {1: "The heads of its row are not those that were signed."}


def test_a_file_that_is_changed_is_found(folder: Path) -> None:
    three_seals()
    path = file_of(folder, 2)
    content = path.read_text()
    overwrite(path, content.replace('"heads":1', '"heads":2'))
    assert bad_seals() == {2: "Its file was changed: its signature is not that of its key."}
    overwrite(path, content.replace('"seq":3', '"seq":4'))
    assert bad_seals() == {2: "The heads of its file are not those that were signed."}
    overwrite(path, file_of(folder, 3).read_text())
    assert bad_seals() == {2: "Its file and its row are two different seals."}
    overwrite(path, "")
    assert bad_seals() == {2: "Its file was changed: it is no seal."}


def test_a_seal_that_is_removed_is_found(folder: Path, eve: Intruder) -> None:
    three_seals()
    file_of(folder, 2).unlink()
    assert bad_seals() == {2: "Its file is missing."}
    eve.run("delete from jobs_sealedhead where seal_id = 2")
    eve.run("delete from jobs_seal where number = 2")
    assert bad_seals() == {2: "It is missing, file and row."}


def sealed_by(signer: Ed25519PrivateKey, folder: Path, eve: Intruder) -> None:
    """Sign all seals anew with a key of one's own, files and rows."""
    previous = text.FIRST_PREVIOUS
    for seal in Seal.objects.order_by("number"):
        said = replace(text.parse(seal.text), previous=previous, key=keys.raw(signer.public_key()))
        line = said.signed(signer)
        previous = text.hash_of(line)
        eve.run("update jobs_seal set text = %s where number = %s", line, seal.number)
        path = file_of(folder, seal.number)
        overwrite(path, "\n".join([line, *path.read_text().split("\n")[1:]]))


def test_a_seal_exchanged_for_one_that_holds_by_itself_breaks_the_chain(
    folder: Path, eve: Intruder
) -> None:
    three_seals()
    signer = keys.private_key()
    said = replace(text.parse(Seal.objects.get(number=2).text), at="2020-01-01T00:00:00.000000Z")
    line = said.signed(signer)
    eve.run("update jobs_seal set text = %s, at = %s where number = 2", line, said.at)
    path = file_of(folder, 2)
    overwrite(path, "\n".join([line, *path.read_text().split("\n")[1:]]))
    assert list(bad_seals()) == [3]
    assert "does not follow" in bad_seals()[3]


def test_seals_signed_by_another_are_found_with_the_key(folder: Path, eve: Intruder) -> None:
    three_seals()
    public, own = folder / "public.pem", keys.known_key()
    public.write_text(seals.public_key())
    sealed_by(Ed25519PrivateKey.generate(), folder, eve)
    assert bad_seals() == {}  # each holds by itself
    assert keys.read_public(str(public)) == own
    assert list(bad_seals(str(own))) == [1, 2, 3]
    for given in (["--key", str(public)], ["--key", str(own)], []):
        said = failing("verify", "--all", *given)
        assert said.count("bad: Another key has signed it") == 3
    (folder / "seal_key").unlink()
    assert "3 seals checked, all good" in command("verify", "--all")


def command(*arguments: str) -> str:
    said = io.StringIO()
    call_command(*arguments, stdout=said)
    return said.getvalue()


def failing(*arguments: str) -> str:
    said = io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command(*arguments, stdout=said)
    assert raised.value.returncode == 1
    return f"{said.getvalue()}{raised.value}"


def test_the_commands_say_what_they_did(folder: Path) -> None:
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
    (folder / "seal_key").write_text("no key")
    for failed in ("seal", "verify --all"):
        assert "cannot be used" in failing(*failed.split())
    assert "is no public key" in failing("verify", "--all", "--key", "nothing")


def test_the_sweeper_seals_when_the_last_seal_is_old_enough() -> None:
    job = make_job(events=[ATTEMPT])
    seals.keep()
    append(job)
    seals.keep()
    assert Seal.objects.count() == 1
    with override_settings(REPRISE=replace(settings.REPRISE, seal_hours=1e-9)):
        seals.keep()
    assert Seal.objects.count() == 2
    append(job)
    with override_settings(REPRISE=replace(settings.REPRISE, seal_hours=0)):
        seals.keep()
    assert Seal.objects.count() == 2


def test_the_sweeper_goes_on_where_it_cannot_seal(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_job()
    (folder / "seal_key").write_text("no key")
    seals.keep()
    assert "not sealed" in caplog.text


@pytest.mark.parametrize("table", ["jobs_seal", "jobs_sealedhead"])
@pytest.mark.parametrize(
    "statement", ["update {} set id = 1", "delete from {}", "truncate {} cascade"]
)
def test_the_database_refuses_to_change_seals(
    table: str, statement: str, database: str, services: Services
) -> None:
    make_job()
    seals.seal()
    statement = statement.replace("id", "number") if table == "jobs_seal" else statement
    address = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    with psycopg.connect(address) as superuser, pytest.raises(psycopg.errors.RestrictViolation):
        superuser.execute(statement.format(table).encode())
    assert bad_seals() == {}


def test_a_thousand_heads_are_sealed_and_adopted(folder: Path, eve: Intruder) -> None:
    eve.run(
        "insert into jobs_job select (jsonb_populate_record("
        "  j, jsonb_build_object('id', gen_random_uuid()))).* "
        "from jobs_job j, generate_series(1, 2500) where j.id = %s",
        make_job().pk,
    )
    made = seals.seal()
    assert made is not None
    assert made.heads == 2501
    kept = set(SealedHead.objects.values_list("job", "seq", "hash"))
    assert bad_seals() == {}
    eve.run("delete from jobs_sealedhead")
    eve.run("delete from jobs_seal")
    assert seals.seal() is None
    assert set(SealedHead.objects.values_list("job", "seq", "hash")) == kept
    assert bad_seals() == {}


def test_any_storage_of_djangos_will_do() -> None:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "seals": memory}):
        assert bad_seals() == {}
        job = three_seals()[0]
        assert bad_seals() == {}
        assert verify(job.pk).ok
        storages["seals"].delete("seal-00000002.ndjson")
        assert bad_seals() == {2: "Its file is missing."}


def test_the_storage_is_a_setting(tmp_path: Path) -> None:
    made = Config.from_env({"REPRISE_SEALS": str(tmp_path / "here"), "REPRISE_SECRET_KEY": "x"})
    with override_settings(STORAGES={**settings.STORAGES, "seals": made.seals}):
        make_job()
        seals.seal()
    [path] = (tmp_path / "here").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    given = {"REPRISE_SEALS": '{"BACKEND": "a.bucket"}', "REPRISE_SECRET_KEY": "x"}
    assert Config.from_env(given).seals == {"BACKEND": "a.bucket"}
