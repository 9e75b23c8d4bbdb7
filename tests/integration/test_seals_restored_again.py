"""Restores, crashes and races after an acknowledgement, and forgers without the key."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from core.records import seal_text as text
from jobs.integrity import seals, verify_job
from jobs.integrity.seals import SealFailed
from jobs.integrity.seals import key as keys
from jobs.models import Seal, SealedHead
from tests.support.factories import ATTEMPT, make_job
from tests.support.intruder import Intruder
from tests.support.sealing import (
    REASON,
    acknowledged,
    append,
    bad_seals,
    command,
    cut,
    failing,
    file_of,
    forget,
    insert_seal,
    overwrite,
    restored_database,
    signed_anew,
)

pytestmark = pytest.mark.usefixtures("database", "seal_folder")


def test_of_two_who_acknowledge_at_once_one_does(intruder: Intruder) -> None:
    restored_database(intruder)
    start, reported = threading.Barrier(2), list[str]()

    def work() -> None:
        try:
            start.wait()
            reported.append(str(seals.acknowledge_seals(3, "Restored.", "root@db1").number))
        except SealFailed as error:
            reported.append(error.message)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reported) == ["4", "Seal 3 is not newer than seal 4, the last in this database."]
    assert acknowledged() == {2: 4, 3: 4}
    assert bad_seals() == {}


def test_a_crash_between_the_file_and_the_row_of_an_acknowledgement_heals(
    intruder: Intruder,
) -> None:
    jobs = restored_database(intruder)
    append(jobs[0])
    command("seal", "--acknowledge", "3", REASON)
    kept = list(SealedHead.objects.filter(seal=4).values_list("job", "seq", "hash"))
    forget(intruder, 4)
    assert "Seal 4 acknowledges it and has no row either: run `seal`" in bad_seals()[2]
    for last in ("3", "4"):
        refused = failing("seal", "--acknowledge", last, REASON)
        assert "The log has all that seal 4 vouches for: run `seal`" in refused
    assert "Seal 4 had a file but no row: it has its row again." in command("seal")
    assert list(SealedHead.objects.filter(seal=4).values_list("job", "seq", "hash")) == kept
    assert acknowledged() == {2: 4, 3: 4}
    assert bad_seals() == {}


def test_the_same_backup_restored_again_is_acknowledged_again(intruder: Intruder) -> None:
    jobs = restored_database(intruder)
    append(jobs[0])
    command("seal", "--acknowledge", "3", REASON)
    forget(intruder, 4)
    cut(intruder, jobs[0], 2)
    assert "run `seal --acknowledge 4`" in bad_seals()[2]
    command("seal", "--acknowledge", "4", REASON)
    assert acknowledged() == {2: 5, 3: 5, 4: 5}
    assert bad_seals() == {}


def test_a_newer_backup_restored_after_an_acknowledgement_keeps_its_seals(
    seal_folder: Path, intruder: Intruder
) -> None:
    job = make_job(events=[ATTEMPT])
    seals.seal_heads()
    append(job)
    seals.seal_heads()
    intruder.run("create table kept_seal as select * from jobs_seal where number = 2")
    intruder.run("create table kept_head as select * from jobs_sealedhead where seal_id = 2")
    intruder.run("create table kept_event as select * from jobs_event where seq = 3")
    intruder.run("create table kept_job as select head, last_at, head_hash from jobs_job")
    forget(intruder, 2)
    cut(intruder, job, 2)
    command("seal", "--acknowledge", "2", REASON)
    forget(intruder, 3)
    intruder.run("insert into jobs_seal select * from kept_seal")
    intruder.run("insert into jobs_sealedhead select * from kept_head")
    intruder.run("insert into jobs_event select * from kept_event")
    intruder.run("update jobs_job j set head = k.head, last_at = k.last_at, "
                 "head_hash = k.head_hash from kept_job k")  # fmt: skip
    [reason] = bad_seals().values()
    assert "Seal 3 acknowledges seals that this database has" in reason
    assert "run `seal --acknowledge 3`" in failing("seal")
    command("seal", "--acknowledge", "3", REASON)
    assert acknowledged() == {3: 4}
    assert bad_seals() == {}
    assert verify_job(job.pk).ok
    cut(intruder, job, 2)
    assert "seal 2 has 3" in str(verify_job(job.pk).reason)
    # seal 3 acknowledges seal 2 for another copy of the log: its row excuses nothing here
    forget(intruder, 2)
    line = file_of(seal_folder, 3).read_text().rstrip("\n")
    insert_seal(intruder, 3, line)
    assert verify_job(job.pk).ok
    assert list(bad_seals()) == [2]


def four_seals() -> None:
    job = make_job(events=[ATTEMPT])
    for _ in range(4):
        append(job)
        seals.seal_heads()


def forged_line(signer: Ed25519PrivateKey, real: str) -> str:
    known = text.Acknowledgement((3,), "Restored.", "root@db1")
    return signed_anew(real, signer, acknowledged=known)


def test_an_acknowledgement_is_believed_only_from_the_key(
    seal_folder: Path, intruder: Intruder
) -> None:
    four_seals()
    real = Seal.objects.get(number=4).text
    forged = forged_line(Ed25519PrivateKey.generate(), real)
    forget(intruder, 3)
    trusted = [str(keys.known_key())]
    for row in (forged, forged.replace(keys.known_key() or "", ""), real[:-144] + forged[-300:]):
        intruder.run("update jobs_seal set text = %s where number = 4", row)
        assert {3, 4} <= set(bad_seals(*trusted))
    path = file_of(seal_folder, 4)
    overwrite(path, "\n".join([forged, *path.read_text().split("\n")[1:]]))
    intruder.run("update jobs_seal set text = %s where number = 4", forged)
    assert {3, 4} <= set(bad_seals(*trusted))
    assert acknowledged() == {}


def test_an_acknowledgement_excuses_the_row_and_nothing_else(
    seal_folder: Path, intruder: Intruder
) -> None:
    restored_database(intruder)
    command("seal", "--acknowledge", "3", REASON)
    path = file_of(seal_folder, 2)
    content = path.read_text()
    path.unlink()
    assert bad_seals() == {2: "It is missing, file and row."}
    path.write_text(content.replace('"seq":3', '"seq":4'))
    assert bad_seals() == {2: "The heads of its file are not those that were signed."}
    overwrite(path, file_of(seal_folder, 3).read_text())
    assert bad_seals()[2] == "Its file is that of seal 3."
    overwrite(path, content)
    assert bad_seals() == {}
    line = content.split("\n")[0]
    line, heads = content.split("\n", 1)
    stranger = Ed25519PrivateKey.generate()
    overwrite(path, f"{signed_anew(line, stranger)}\n{heads}")
    assert bad_seals(str(keys.known_key()))[2].startswith("Another key has signed it")
    overwrite(path, content)
    insert_seal(intruder, 2, line)
    assert bad_seals() == {2: "The heads of its row are not those that were signed."}
    forget(intruder, 2)
    file_of(seal_folder, 4).unlink()
    assert list(bad_seals()) == [2, 3, 4]
