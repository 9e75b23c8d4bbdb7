"""Helpers for tests of seals: make, lose, forge and verify them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from core.records import seal_text as text
from core.records.keys import raw_key
from jobs import log
from jobs.integrity import seals, verify_seals
from jobs.integrity.seals import key
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.intruder import Intruder

REASON = "--reason=Restored Monday's backup."


@contextmanager
def seals_in(folder: Path) -> Iterator[Path]:
    """Keep seals in `folder/seals` and their key in `folder/seal_key`."""
    of_seals = {**settings.STORAGES["seals"], "OPTIONS": {"location": folder / "seals"}}
    storages = {**settings.STORAGES, "seals": of_seals}
    config = settings.REPRISE.with_changes(state=folder, seal_key=folder / "seal_key")
    with override_settings(STORAGES=storages, REPRISE=config):
        yield folder


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


def acknowledged() -> dict[int, int]:
    """Return which seals are acknowledged, each with the seal that does."""
    found = verify_seals([str(key.known_key())])
    return {one.seal: one.acknowledged.number for one in found if one.acknowledged and one.ok}


def three_seals(*, third_job: bool = False) -> list[Job]:
    """Return two jobs: three seals, of both, of the second, of the first.

    The last seal has a third job too where one is wanted.
    """
    jobs = [make_job(events=[ATTEMPT]) for _ in range(2)]
    seals.seal_heads()
    append(jobs[1])
    seals.seal_heads()
    append(jobs[0], 3)
    jobs += [make_job()] if third_job else []
    assert seals.seal_heads() is not None
    return jobs


def signed_anew(line: str, signer: Ed25519PrivateKey, **changes: object) -> str:
    """Return a seal's line with changes, under the signature of this key."""
    key_of_signer = raw_key(signer.public_key())
    made = replace(text.parse_seal(line), key=key_of_signer, **changes)  # type: ignore[arg-type]  # as a test has it
    return made.signed(signer)


def lose_seal(folder: Path, intruder: Intruder, number: int) -> str:
    """Remove a seal, file and row; return what was in the file."""
    path = file_of(folder, number)
    content = path.read_text()
    path.unlink()
    forget(intruder, number)
    return content


def insert_seal(intruder: Intruder, number: int, line: str) -> None:
    """Make the row of a seal, without its heads."""
    statement = "insert into jobs_seal (number, at, text) values (%s, %s, %s)"
    intruder.run(statement, number, text.parse_seal(line).at, line)


def forget(intruder: Intruder, *numbers: int) -> None:
    """Remove the rows of seals."""
    for number in numbers:
        intruder.run("delete from jobs_sealedhead where seal_id = %s", number)
        intruder.run("delete from jobs_seal where number = %s", number)


def cut(intruder: Intruder, job: Job, seq: int) -> None:
    """Put a job's log and row back to where its head was `seq`."""
    intruder.run("delete from jobs_event where job = %s and seq > %s", job.pk, seq)
    intruder.run(
        "update jobs_job j set head = e.seq, last_at = e.at, head_hash = decode("
        "substring(right(e.text, 66) for 64), 'hex') from jobs_event e "
        "where j.id = %s and e.job = j.id and e.seq = %s",
        job.pk,
        seq,
    )


def restored_database(intruder: Intruder) -> list[Job]:
    """Return two jobs with three seals, put back to where there was seal 1 only.

    Their heads are 2 again. Seal 2 has the second at 3, seal 3 the first at 5 and a job that is
    gone.
    """
    *jobs, gone = three_seals(third_job=True)
    forget(intruder, 2, 3)
    for job in jobs:
        cut(intruder, job, 2)
    intruder.run("delete from jobs_event where job = %s", gone.pk)
    intruder.run("delete from jobs_job where id = %s", gone.pk)
    return jobs


def command(*arguments: str) -> str:
    reported = io.StringIO()
    call_command(*arguments, stdout=reported)
    return reported.getvalue()


def failing(*arguments: str) -> str:
    reported = io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command(*arguments, stdout=reported)
    assert raised.value.returncode == 1
    return f"{reported.getvalue()}{raised.value}"
