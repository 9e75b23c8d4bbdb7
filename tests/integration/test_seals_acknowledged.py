"""Seals newer than a restored database: acknowledged, and only by who has the key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from core.records import seal_text as text
from jobs.integrity import seals, verify_job
from jobs.integrity.seals import key as keys
from jobs.models import Seal
from tests.support.backups import Backup
from tests.support.factories import ATTEMPT, make_job
from tests.support.intruder import Intruder, open_intruder
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
    overwrite,
    restored_database,
    signed_anew,
)
from tests.support.services import Services

pytestmark = pytest.mark.usefixtures("database", "seal_folder", "silent_system")


def test_a_restore_is_acknowledged_and_what_others_vouch_for_is_still_held(
    services: Services, database: str, tmp_path: Path
) -> None:
    jobs = [make_job(events=[ATTEMPT]) for _ in range(3)]
    command("seal")
    backup = Backup(services, database, tmp_path / "dump")
    append(jobs[0], 2)
    command("seal")
    append(jobs[1])
    command("seal")
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # the Postgres backend's
    backup.restore()
    append(jobs[0])  # the log goes on otherwise

    reported = failing("verify", "--all")
    assert "seal 2  bad: Its row is missing. The log does not have what seal 2 vouches" in reported
    assert "run `seal --acknowledge 3`" in reported
    assert "run `seal --acknowledge 3`" in failing("seal")
    shown = failing("seal", "--acknowledge", "3")
    assert "1 head, 1 ahead of the log" in shown
    assert "Nothing was written" in shown
    assert Seal.objects.count() == 1
    done = command("seal", "--acknowledge", "3", REASON)
    assert "Seal 4: 1 head, digest " in done
    assert "acknowledges seals 2, 3\n" in done

    reported = command("verify", "--all")
    assert "seal 2  acknowledged by seal 4 of " in reported
    assert reported.count(": Restored Monday's backup.") == 2
    assert "4 seals checked, all good, 2 of them acknowledged." in reported
    lines = [json.loads(line) for line in command("verify", "--all", "--json").splitlines()][3:]
    assert [line["ok"] for line in lines] == [True] * 4
    assert "acknowledged" not in lines[0]
    told = lines[1]["acknowledged"]
    assert (told["seal"], told["reason"]) == (4, "Restored Monday's backup.")
    assert "@" in told["by"]
    append(jobs[2])
    assert command("seal").startswith("Seal 5: 1 head")
    assert bad_seals() == {}

    with open_intruder(services, database) as intruder:  # what seals 4 and 1 vouch for
        texts = intruder.texts(jobs[0].pk)
        intruder.rewrite(jobs[0].pk, [*texts[:2], texts[2].replace("more", "less")])
        assert "Seal 4 has another hash" in str(verify_job(jobs[0].pk).reason)
        cut(intruder, jobs[1], 1)
        assert "seal 1 has 2" in str(verify_job(jobs[1].pk).reason)
        assert verify_job(jobs[2].pk).ok
    assert "Bad: 2 of 3 jobs." in failing("verify", "--all")


def test_the_preview_counts_what_is_lost(intruder: Intruder) -> None:
    first, _second = restored_database(intruder)
    append(first, 3)  # to where seal 3 has it, with other events
    shown = failing("seal", "--acknowledge", "3", "--json")
    found = json.loads(shown.splitlines()[0])
    assert found["sealed"] is False
    counts = [
        [seal[name] for name in ("seal", "heads", "held", "behind", "missing", "different")]
        for seal in found["acknowledges"]["seals"]
    ]
    assert counts == [[2, 1, 0, 1, 0, 0], [3, 2, 0, 0, 1, 1]]
    assert found["acknowledges"]["jobs"] == 3
    assert [lost["seq"] for lost in found["acknowledges"]["lost"]] == [3, 5, 1]
    reported = failing("seal", "--acknowledge", "3")
    assert "the log ends at 2" in reported
    assert "the job is gone" in reported
    assert f"job {first.pk}: seal 3 has event 5, the log has another event there" in reported
    assert "Lost: sealed heads of 3 jobs." in reported
    assert Seal.objects.count() == 1
    made = json.loads(command("seal", "--acknowledge", "3", REASON, "--json"))
    assert (made["sealed"], made["number"], made["heads"]) == (True, 4, 1)
    assert made["acknowledges"]["jobs"] == 3
    assert acknowledged() == {2: 4, 3: 4}


def test_an_acknowledgement_needs_no_head_that_moved(seal_folder: Path, intruder: Intruder) -> None:
    restored_database(intruder)
    assert "Seal 4: 0 heads" in command("seal", "--acknowledge", "3", REASON)
    line = file_of(seal_folder, 3).read_text().splitlines()[0]
    reported = text.parse_seal(Seal.objects.get(number=4).text)
    assert reported.previous == text.hash_of(line)
    assert reported.acknowledged is not None
    assert reported.acknowledged.seals == (2, 3)
    assert bad_seals() == {}
    assert command("seal") == "Nothing to seal: no head has moved since seal 4.\n"


def test_a_database_without_any_seal_is_acknowledged(intruder: Intruder) -> None:
    restored_database(intruder)
    forget(intruder, 1)
    intruder.run("delete from jobs_event")
    intruder.run("delete from jobs_job")
    command("seal", "--acknowledge", "3", REASON)
    assert acknowledged() == {1: 4, 2: 4, 3: 4}
    assert bad_seals() == {}


def resign(seal_folder: Path, number: int, signer: Ed25519PrivateKey, **changes: object) -> None:
    path = file_of(seal_folder, number)
    line, heads = path.read_text().split("\n", 1)
    overwrite(path, f"{signed_anew(line, signer, **changes)}\n{heads}")


def cut_heads(folder: Path) -> None:
    path = file_of(folder, 3)
    overwrite(path, path.read_text().rsplit("\n", 2)[0] + "\n")


@pytest.mark.parametrize(
    ("last", "change", "reason"),
    [
        (1, None, "Seal 1 is not newer than seal 1, the last in this database."),
        (2, None, "acknowledge all up to that one, `seal --acknowledge 3`."),
        (4, None, "There is no seal-00000004.ndjson: the newest seal is 3."),
        (3, lambda folder: file_of(folder, 2).unlink(), "seal-00000002.ndjson is missing, and"),
        (
            3,
            lambda folder: resign(folder, 2, keys.private_key(), previous="0" * 64),
            "seal-00000002.ndjson is in the way: it is not the next seal of this log, it follows",
        ),
        (
            3,
            lambda folder: resign(folder, 3, Ed25519PrivateKey.generate()),
            "seal-00000003.ndjson is in the way: it is not the next seal of this log, another key",
        ),
        (3, lambda folder: overwrite(file_of(folder, 3), "x"), "this log, it is not a seal"),
        (3, cut_heads, "seal-00000003.ndjson is damaged: its heads are not those that were signed"),
    ],
)
def test_what_cannot_be_acknowledged_is_said(
    last: int,
    change: Callable[[Path], None] | None,
    reason: str,
    seal_folder: Path,
    intruder: Intruder,
) -> None:
    restored_database(intruder)
    if change is not None:
        change(seal_folder)
    kept = sorted(path.name for path in (seal_folder / "seals").iterdir())
    assert reason in failing("seal", "--acknowledge", str(last), REASON)
    assert Seal.objects.count() == 1
    assert sorted(path.name for path in (seal_folder / "seals").iterdir()) == kept


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "\x1b[2J", "x" * 1001, "\ud800"])
def test_an_acknowledgement_needs_a_reason_of_one_line(reason: str, intruder: Intruder) -> None:
    restored_database(intruder)
    assert "Say why in one line" in failing("seal", "--acknowledge", "3", f"--reason={reason}")
    assert Seal.objects.count() == 1


def test_options_that_do_not_fit_are_said() -> None:
    assert "belongs to --acknowledge" in failing("seal", REASON)
    assert "seals nothing" in failing("seal", "--public-key", "--acknowledge", "3")
    assert "is not a public key" in failing("seal", "--key", "nothing")


def test_seals_that_the_log_has_are_taken_up_not_acknowledged(intruder: Intruder) -> None:
    jobs = [make_job(events=[ATTEMPT]) for _ in range(2)]
    for job in jobs:
        seals.seal_heads()
        append(job)
    seals.seal_heads()
    forget(intruder, 2, 3)
    cut(intruder, jobs[1], 2)  # as seal 2 has it
    reported = failing("seal", "--acknowledge", "3", REASON)
    assert "The log has all that seal 2 vouches for: run `seal`" in reported
    reported = failing("seal")
    assert "Seal 2 had a file but no row: it has its row again." in reported
    assert "run `seal --acknowledge 3`" in reported
    command("seal", "--acknowledge", "3", REASON)
    assert acknowledged() == {3: 4}
    assert bad_seals() == {}


def test_the_sweeper_takes_up_nothing_that_the_log_does_not_have(
    intruder: Intruder, caplog: pytest.LogCaptureFixture
) -> None:
    restored_database(intruder)
    intruder.run("update jobs_seal set at = at - interval '2 days'")
    seals.seal_if_due()
    assert "run `seal --acknowledge 3`" in caplog.text
    assert Seal.objects.count() == 1


def test_seals_of_an_earlier_key_are_acknowledged_with_it(
    seal_folder: Path, intruder: Intruder
) -> None:
    restored_database(intruder)
    old = str(keys.known_key())
    (seal_folder / "seal_key").unlink()
    seals.public_key()
    assert f"add `--key {old}`" in failing("seal", "--acknowledge", "3", REASON)
    both = ["--key", old, "--key", str(keys.known_key())]
    assert f"run `seal --acknowledge 3 --key {old}`" in failing("verify", "--all", *both)
    command("seal", "--acknowledge", "3", "--key", old, REASON)
    assert "all good, 2 of them acknowledged" in command("verify", "--all", *both)
