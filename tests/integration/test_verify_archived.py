"""A history whose events are in an archive is checked as one in the table."""

from __future__ import annotations

from uuid import UUID

import pytest

from jobs.integrity import known_jobs, verify_job
from jobs.log import archive_frames
from jobs.models import Job, Seal, SealedHead
from tests.support.archives import ArchiveFolder, archive, ended, fed, texts
from tests.support.intruder import open_intruder
from tests.support.services import Services
from tests.support.system_log import this_month

pytestmark = pytest.mark.usefixtures("archive_folder")


@pytest.fixture
def job() -> Job:
    """An archived job of several frames, sealed at its head."""
    made = ended(outputs=2200)
    seal = Seal.objects.create(number=1, at=made.finished_at or "", text="{}")
    hashed = bytes(made.head_hash).hex()
    SealedHead.objects.create(seal=seal, job=made.pk, seq=made.head, hash=hashed)
    fed()
    archive()
    archive_frames.frame_texts.cache_clear()
    return made


def test_a_good_one_is_good(job: Job) -> None:
    verdict = verify_job(job.pk)
    assert (verdict.ok, verdict.head, verdict.hash) == (True, job.head, bytes(job.head_hash).hex())
    assert list(known_jobs()) == [job.pk, UUID(this_month())]  # which says that it was archived


def test_a_file_that_is_gone_is_said(job: Job, archive_folder: ArchiveFolder) -> None:
    for name in archive_folder.files:
        (archive_folder.folder / name).unlink()
    verdict = verify_job(job.pk)
    assert (verdict.ok, verdict.seq) == (False, 1)
    assert "cannot be read" in str(verdict.reason)


def test_a_damaged_frame_is_found_at_its_first_event(
    job: Job, archive_folder: ArchiveFolder
) -> None:
    [path] = [archive_folder.folder / name for name in archive_folder.files if "seals" not in name]
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[:-40] + bytes(20) + whole[-20:])
    verdict = verify_job(job.pk)
    assert not verdict.ok
    assert verdict.seq == 2001
    assert "damaged" in str(verdict.reason)


def test_a_forged_row_and_a_seal_are_held_against_it(
    job: Job, database: str, services: Services
) -> None:
    with open_intruder(services, database) as intruder:
        intruder.run("update jobs_sealedhead set hash = repeat('0', 64) where job = %s", job.pk)
        assert "Seal 1 has another hash" in str(verify_job(job.pk).reason)
        intruder.run("delete from jobs_sealedhead where job = %s", job.pk)
        intruder.run("update jobs_job set status = 'failed' where id = %s", job.pk)
        assert (verify_job(job.pk).seq, len(texts(job.pk))) == (job.head, job.head)
        intruder.run(
            "update jobs_job set status = 'succeeded', head = head + 1 where id = %s", job.pk
        )
        assert "The end was cut off" in str(verify_job(job.pk).reason)
