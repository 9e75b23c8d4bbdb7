"""Every tampering with sealed histories, and with seals themselves, is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.records import seal_text as text
from core.records.keys import read_public
from jobs.integrity import seals, verify_job
from jobs.integrity.seals import key as keys
from jobs.models import Seal
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.intruder import Intruder
from tests.support.sealing import (
    append,
    bad_seals,
    command,
    failing,
    file_of,
    overwrite,
    signed_anew,
    three_seals,
)

pytestmark = pytest.mark.usefixtures("database", "seal_folder")


def test_a_rewritten_history_is_found_by_the_seal_alone(intruder: Intruder) -> None:
    job = make_job(events=[ATTEMPT, *(output(f"line {number}") for number in range(20))])
    append(job)
    texts = intruder.texts(job.pk)
    texts[10] = texts[10].replace("line 8", "line 9")
    intruder.rewrite(job.pk, texts)
    assert verify_job(job.pk).ok  # nobody has vouched for it yet
    seals.seal_heads()
    texts[5] = texts[5].replace("line 3", "line 4")
    append(job, 2)
    intruder.rewrite(job.pk, texts + intruder.texts(job.pk)[len(texts) :])
    verdict = verify_job(job.pk)
    assert (verdict.ok, verdict.seq) == (False, 23)
    assert "Seal 1 has another hash for event 23" in str(verdict.reason)


def test_what_follows_the_last_seal_is_not_vouched_for(intruder: Intruder) -> None:
    job = make_job(events=[ATTEMPT])
    seals.seal_heads()
    append(job, 5)
    texts = intruder.texts(job.pk)
    intruder.rewrite(job.pk, [*texts[:4], texts[4].replace("more", "less"), *texts[5:]])
    assert verify_job(job.pk).ok
    seals.seal_heads()
    assert verify_job(job.pk).ok


def test_a_log_cut_with_its_row_is_found_by_the_seal(intruder: Intruder) -> None:
    job = make_job(events=[ATTEMPT, output("a"), output("b")])
    seals.seal_heads()
    intruder.run("delete from jobs_event where job = %s and seq > 3", job.pk)
    intruder.run(
        "update jobs_job j set head = 3, last_at = e.at, head_hash = decode("
        "substring(right(e.text, 66) for 64), 'hex') from jobs_event e "
        "where j.id = %s and e.job = j.id and e.seq = 3",
        job.pk,
    )
    verdict = verify_job(job.pk)
    assert (verdict.ok, verdict.seq) == (False, 4)
    assert "cut off: the log ends at event 3, but seal 1 has 4" in str(verdict.reason)


def test_a_job_removed_as_a_whole_is_found_by_the_seal(intruder: Intruder) -> None:
    job = make_job()
    seals.seal_heads()
    intruder.run("delete from jobs_event where job = %s", job.pk)
    intruder.run("delete from jobs_job where id = %s", job.pk)
    reported = failing("verify", "--all")
    assert f"{job.pk}  bad at 1: The job's row is gone" in reported


def test_a_row_that_is_changed_is_found(intruder: Intruder) -> None:
    three_seals()
    intruder.run(
        "update jobs_seal set text = replace(text, '\"heads\":1', '\"heads\":0') where number = 2"
    )
    assert bad_seals() == {2: "Its row was changed: its signature is not that of its key."}
    intruder.run("update jobs_seal set text = 'x' where number = 2")
    assert bad_seals() == {2: "Its row was changed: it is not a seal."}


def test_a_moment_that_is_changed_is_found(intruder: Intruder) -> None:
    three_seals()
    intruder.run("update jobs_seal set at = at - interval '1 day' where number = 2")
    assert list(bad_seals()) == [2]


@pytest.mark.parametrize("change", ["set hash = repeat('0', 64)", "set seq = seq + 7"])
def test_a_head_that_is_changed_is_found(change: str, intruder: Intruder) -> None:
    jobs = three_seals()
    intruder.run(f"update jobs_sealedhead {change} where seal_id = 2")
    assert bad_seals() == {2: "The heads of its row are not those that were signed."}
    assert not verify_job(jobs[1].pk).ok


def test_a_head_that_is_removed_is_found(intruder: Intruder) -> None:
    jobs = three_seals()
    intruder.run("delete from jobs_sealedhead where seal_id = 1 and job = %s", jobs[0].pk)
    assert bad_seals() == {1: "The heads of its row are not those that were signed."}


def test_a_file_that_is_changed_is_found(seal_folder: Path) -> None:
    three_seals()
    path = file_of(seal_folder, 2)
    content = path.read_text()
    overwrite(path, content.replace('"heads":1', '"heads":2'))
    assert bad_seals() == {2: "Its file was changed: its signature is not that of its key."}
    overwrite(path, content.replace('"seq":3', '"seq":4'))
    assert bad_seals() == {2: "The heads of its file are not those that were signed."}
    overwrite(path, file_of(seal_folder, 3).read_text())
    assert bad_seals() == {2: "Its file and its row are two different seals."}
    overwrite(path, "")
    assert bad_seals() == {2: "Its file was changed: it is not a seal."}


def test_a_seal_that_is_removed_is_found(seal_folder: Path, intruder: Intruder) -> None:
    three_seals()
    file_of(seal_folder, 2).unlink()
    assert bad_seals() == {2: "Its file is missing."}
    intruder.run("delete from jobs_sealedhead where seal_id = 2")
    intruder.run("delete from jobs_seal where number = 2")
    assert bad_seals() == {2: "It is missing, file and row."}


def test_seal_is_advised_only_where_it_helps(intruder: Intruder) -> None:
    three_seals()
    intruder.run("delete from jobs_sealedhead where seal_id = 1")
    intruder.run("delete from jobs_seal where number = 1")
    [reason] = bad_seals().values()
    assert reason.startswith("Its row was removed: there is seal 3, so no crash did that.")
    intruder.run("delete from jobs_sealedhead")
    intruder.run("delete from jobs_seal")
    reasons = bad_seals()
    assert "Run `seal`" in reasons[1]
    assert reasons[2] == "Its row is missing, as that of seal 1 is."


def sealed_by(signer: Ed25519PrivateKey, seal_folder: Path, intruder: Intruder) -> None:
    """Sign all seals anew with a key of one's own, files and rows."""
    previous = text.FIRST_PREVIOUS
    for seal in Seal.objects.order_by("number"):
        line = signed_anew(seal.text, signer, previous=previous)
        previous = text.hash_of(line)
        intruder.run("update jobs_seal set text = %s where number = %s", line, seal.number)
        path = file_of(seal_folder, seal.number)
        overwrite(path, "\n".join([line, *path.read_text().split("\n")[1:]]))


def test_a_seal_exchanged_for_one_that_holds_by_itself_breaks_the_chain(
    seal_folder: Path, intruder: Intruder
) -> None:
    three_seals()
    signer = keys.private_key()
    at = "2020-01-01T00:00:00.000000Z"
    line = signed_anew(Seal.objects.get(number=2).text, signer, at=at)
    intruder.run("update jobs_seal set text = %s, at = %s where number = 2", line, at)
    path = file_of(seal_folder, 2)
    overwrite(path, "\n".join([line, *path.read_text().split("\n")[1:]]))
    assert list(bad_seals()) == [3]
    assert "does not follow" in bad_seals()[3]


def test_seals_signed_by_another_are_found_with_the_key(
    seal_folder: Path, intruder: Intruder
) -> None:
    three_seals()
    public, own = seal_folder / "public.pem", keys.known_key()
    public.write_text(seals.public_key())
    sealed_by(Ed25519PrivateKey.generate(), seal_folder, intruder)
    assert bad_seals() == {}  # each holds by itself
    assert read_public(str(public)) == own
    assert list(bad_seals(str(own))) == [1, 2, 3]
    for given in (["--key", str(public)], ["--key", str(own)], []):
        reported = failing("verify", "--all", *given)
        assert reported.count("bad: Another key has signed it") == 3
    (seal_folder / "seal_key").unlink()
    assert "3 seals checked, all good" in command("verify", "--all")
