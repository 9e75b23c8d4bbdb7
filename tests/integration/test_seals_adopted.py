"""Seals whose rows are lost: `seal` gives them back from the files, and `verify` advises it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs import log
from jobs.integrity import seals, verify_job
from jobs.integrity.seals import key as keys
from jobs.log import archive_frames
from jobs.models import Job, Seal, SealedHead
from tests.support.archives import DONE, archive, ended, fed
from tests.support.factories import ATTEMPT, id_in, make_job
from tests.support.intruder import Intruder
from tests.support.sealing import (
    append,
    bad_seals,
    command,
    cut,
    failing,
    file_of,
    forget,
    lose_seal,
    overwrite,
    signed_anew,
    three_seals,
)

pytestmark = pytest.mark.usefixtures("database", "seal_folder", "silent_system")

ADVICE = "Run `seal`, which gives the row back from the file."


def rows() -> list[tuple[object, ...]]:
    return list(
        SealedHead.objects.order_by("seal", "job").values_list("seal", "job", "seq", "hash")
    )


@pytest.mark.parametrize("lost", [[1], [2], [1, 2]])
def test_an_older_seal_gets_its_row_back(lost: list[int], intruder: Intruder) -> None:
    three_seals()
    kept, texts = rows(), list(Seal.objects.order_by("number").values_list("text", flat=True))
    forget(intruder, *lost)
    reasons = bad_seals()
    assert list(reasons) == lost
    assert all(reason.endswith(ADVICE) for reason in reasons.values())
    reported = command("seal")
    for number in lost:
        assert f"Seal {number} had a file but no row: it has its row again.\n" in reported
    assert "Nothing to seal" in reported
    assert rows() == kept
    assert list(Seal.objects.order_by("number").values_list("text", flat=True)) == texts
    assert bad_seals() == {}


def test_rows_given_back_are_in_the_json(intruder: Intruder) -> None:
    jobs = three_seals()
    forget(intruder, 2)
    append(jobs[0])
    made = json.loads(command("seal", "--json"))
    assert (made["number"], made["heads"], made["adopted"]) == (4, 1, [2])
    forget(intruder, 4)
    assert json.loads(command("seal", "--json")) == {"sealed": False, "last": 4, "adopted": [4]}


def test_heads_that_were_left_are_kept(intruder: Intruder) -> None:
    three_seals()
    kept = rows()
    intruder.run("delete from jobs_seal where number = 1")
    intruder.run("delete from jobs_sealedhead where id = (select min(id) from jobs_sealedhead)")
    command("seal")
    assert rows() == kept
    assert bad_seals() == {}


def test_heads_that_nobody_signed_keep_the_row_away(intruder: Intruder) -> None:
    jobs = three_seals()
    intruder.run("delete from jobs_seal where number = 1")
    intruder.run(
        "insert into jobs_sealedhead (seal_id, job, seq, hash) values (1, %s, 1, 'x')", jobs[0].pk
    )
    reported = command("seal")
    assert "Seal 1 has a file but no row, and cannot have it back: jobs_sealedhead has" in reported
    assert list(bad_seals()) == [1]
    intruder.run("delete from jobs_sealedhead where seal_id = 1 and hash = 'x'")
    command("seal")
    assert bad_seals() == {}


def test_heads_that_were_sealed_again_meanwhile_are_in_both(
    seal_folder: Path, intruder: Intruder
) -> None:
    jobs = three_seals()
    content = lose_seal(seal_folder, intruder, 2)
    assert "Seal 4: 1 head" in command("seal")  # seal 2's once more
    assert bad_seals() == {2: "It is missing, file and row."}
    file_of(seal_folder, 2).write_text(content)
    assert bad_seals()[2].endswith(ADVICE)
    command("seal")
    assert bad_seals() == {}
    assert verify_job(jobs[1].pk).ok
    texts = intruder.texts(jobs[1].pk)
    intruder.rewrite(jobs[1].pk, [*texts[:2], texts[2].replace("more", "less")])
    assert "Seal 2 has another hash for event 3" in str(verify_job(jobs[1].pk).reason)


def test_a_log_is_held_against_each_of_two_seals_of_an_event(
    seal_folder: Path, intruder: Intruder
) -> None:
    job = three_seals()[1]
    content = lose_seal(seal_folder, intruder, 2)
    texts = intruder.texts(job.pk)
    intruder.rewrite(job.pk, [*texts[:2], texts[2].replace("more", "less")])
    command("seal")
    file_of(seal_folder, 2).write_text(content)
    command("seal")
    assert bad_seals() == {}
    assert "Seal 2 has another hash for event 3" in str(verify_job(job.pk).reason)
    intruder.rewrite(job.pk, texts)
    assert "Seal 4 has another hash for event 3" in str(verify_job(job.pk).reason)


def test_an_older_seal_comes_back_as_a_witness_against_the_log(intruder: Intruder) -> None:
    jobs = three_seals()
    forget(intruder, 2)
    cut(intruder, jobs[1], 2)
    assert verify_job(jobs[1].pk).ok
    command("seal")
    assert bad_seals() == {}
    assert "seal 2 has 3" in str(verify_job(jobs[1].pk).reason)


def test_a_file_that_does_not_fit_gives_no_row_back(seal_folder: Path, intruder: Intruder) -> None:
    jobs = three_seals()
    forget(intruder, 2)
    path = file_of(seal_folder, 2)
    content = path.read_text()
    line, heads = content.split("\n", 1)
    other = signed_anew(line, keys.private_key(), at="2020-01-01T00:00:00.000000Z")
    for changed, why in (
        (f"{other}\n{heads}", "seal 3 does not follow it"),
        (content.replace('"seq":3', '"seq":4'), "its heads are not those that were signed"),
        (content.replace('"heads":1', '"heads":2'), "its signature is not that of its key"),
        (file_of(seal_folder, 3).read_text(), "it follows another seal"),
    ):
        overwrite(path, changed)
        append(jobs[0])
        reported = command("seal")
        assert f"Seal 2 has a file but no row, and cannot have it back: {why}.\n" in reported
        assert "digest" in reported  # and a seal was made all the same
        assert bad_seals()[2].endswith(f"{why}. Put back the files from a copy, then run `seal`.")
    overwrite(path, content)
    command("seal")
    assert bad_seals() == {}


def test_an_older_seal_of_an_earlier_key_comes_back_with_it(
    seal_folder: Path, intruder: Intruder
) -> None:
    jobs = three_seals()
    old = str(keys.known_key())
    (seal_folder / "seal_key").unlink()
    append(jobs[0])
    seals.seal_heads()
    forget(intruder, 2)
    assert f"add `--key {old}`" in command("seal")
    advice = bad_seals(old, str(keys.known_key()))[2]
    assert f"Run `seal --key {old}`, which gives the row back" in advice
    command("seal", "--key", old)
    assert bad_seals(old, str(keys.known_key())) == {}


def test_a_gap_in_newer_files_is_said(seal_folder: Path, intruder: Intruder) -> None:
    three_seals()
    content = file_of(seal_folder, 2).read_text()
    file_of(seal_folder, 2).unlink()
    forget(intruder, 2, 3)
    reported = failing("seal")
    assert "seal-00000002.ndjson is missing, and seal-00000003.ndjson is there." in reported
    file_of(seal_folder, 2).write_text(content)
    command("seal")
    assert bad_seals() == {}


def test_a_seal_of_archived_jobs_is_taken_up(archive_folder: object, intruder: Intruder) -> None:
    job = ended(outputs=1200)
    seals.seal_heads()
    fed()
    archive()
    archive_frames.frame_texts.cache_clear()
    forget(intruder, 1)
    assert "Run `seal`, which takes the file up." in bad_seals()[1]
    assert "Seal 1 had a file but no row" in command("seal")
    assert bad_seals() == {}
    assert Job.objects.get(pk=job.pk).head == job.head


def test_a_head_within_an_archived_history_is_read_from_the_archive(
    archive_folder: object, intruder: Intruder
) -> None:
    job = make_job(events=[ATTEMPT], id=id_in(datetime(2025, 3, 1, tzinfo=UTC)))
    seals.seal_heads()
    append(job, 3)
    log.append(job.pk, [DONE], actor="worker:w/1")
    fed()
    archive()
    archive_frames.frame_texts.cache_clear()
    forget(intruder, 1)
    reported = command("seal")
    assert "Seal 1 had a file but no row" in reported
    assert "Seal 2: 1 head" in reported
    assert bad_seals() == {}
    assert verify_job(job.pk).ok
