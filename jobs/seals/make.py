"""Making a seal: the heads of one moment, digested, signed, written to a file and to rows."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO

from django.conf import settings
from django.db import connection, transaction

from core import clock
from jobs.log.restore import NO_LIMIT
from jobs.models import Seal, SealedHead
from jobs.seals import files, key
from jobs.seals.key import SealFailed
from jobs.seals.text import (
    FIRST_PREVIOUS,
    SealText,
    digest_of,
    file_name,
    hash_of,
    head_line,
    parse,
    parse_head,
)

logger = logging.getLogger(__name__)

MEMORY_BYTES = 1024 * 1024
ROWS_AT_ONCE = 1000
LOCK = 0x5EA1

# What a seal is to vouch for: heads that no seal has yet. Twice in one transaction, so alike.
_MOVED = """
select job.id, job.head, encode(job.head_hash, 'hex')
from jobs_job job
where job.head > 0 and not exists (
  select from jobs_sealedhead sealed where sealed.job = job.id and sealed.seq = job.head
)
order by job.id
"""
_INSERT = f"insert into jobs_sealedhead (job, seq, hash, seal_id) select *, %s from ({_MOVED}) h"  # noqa: S608
# The digest of a million heads takes its time, and so may a storage. Nothing is written until the
# end, so that the feed of all jobs does not wait for it.
_ONE_MOMENT = "set transaction isolation level repeatable read"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal that was made: its number, moment, count of heads, their digest, its file's name."""

    number: int
    at: str
    heads: int
    digest: str
    file: str


def seal(*, wait: bool = True) -> Sealed | None:
    """Seal every head that has moved since the last seal; None where none has.

    Of several at a time one seals; the others wait for it, or without `wait` leave it to that one.
    What a crash has left between the file and the rows is made whole first. Raises SealFailed
    where key or files cannot be used.
    """
    with _alone(wait) as first:
        if not first:
            return None
        try:
            _adopt()
            return _seal()
        except OSError as error:
            raise SealFailed(f"The seal's file cannot be written: {error}") from error


def keep() -> None:
    """Seal where the last seal is older than REPRISE_SEAL_HOURS (0: never); for the sweeper."""
    hours = settings.REPRISE.seal_hours
    last = Seal.objects.order_by("-number").first()
    if hours == 0 or (last and clock.now() - last.at < timedelta(hours=hours)):
        return
    try:
        made = seal(wait=False)
    except SealFailed as error:
        logger.error("not sealed: %s", error, extra={"action": "seal"})
        return
    if made:
        logger.info("made seal %d of %d heads", made.number, made.heads)


@contextmanager
def _alone(wait: bool) -> Iterator[bool]:
    """Hold the lock of all who seal; yield whether it was got.

    It is the session's, since a transaction's would come too late: to ask for it is to fix what a
    repeatable read sees.
    """
    ask = "select pg_advisory_lock(%s) is not null" if wait else "select pg_try_advisory_lock(%s)"
    with connection.cursor() as cursor:
        cursor.execute(ask, [LOCK])
        [got] = cursor.fetchone()
        try:
            yield bool(got)
        finally:
            if got:
                cursor.execute("select pg_advisory_unlock(%s)", [LOCK])


def _seal() -> Sealed | None:
    with transaction.atomic(durable=True), SpooledTemporaryFile(MEMORY_BYTES) as heads:
        with connection.cursor() as cursor:
            cursor.execute(_ONE_MOMENT)
            cursor.execute(NO_LIMIT, [True])
        count, digest = _write_heads(heads)
        if count == 0:
            return None
        number, previous = _next()
        signer = key.private_key()
        at = clock.rfc3339(clock.now())
        text = SealText(number, at, previous, count, digest, key.raw(signer.public_key()))
        line = text.signed(signer)
        name = _write_file(number, line, heads)
        Seal.objects.create(number=number, at=clock.parse(at), text=line)
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [number])
    return Sealed(number, at, count, digest, name)


def _write_heads(file: IO[bytes]) -> tuple[int, str]:
    """Write the lines of all heads that moved, by job; return their count and digest."""
    count, digest = 0, hashlib.sha256()
    with connection.chunked_cursor() as cursor:
        cursor.execute(_MOVED)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            lines = "".join(head_line(*row) for row in rows).encode()
            digest.update(lines)
            file.write(lines)
            count += len(rows)
    return count, digest.hexdigest()


def _next() -> tuple[int, str]:
    """Return the next seal's number and what it says of the last one."""
    last = Seal.objects.order_by("-number").first()
    return (last.number + 1, hash_of(last.text)) if last else (1, FIRST_PREVIOUS)


def _write_file(number: int, line: str, heads: IO[bytes]) -> str:
    with SpooledTemporaryFile(MEMORY_BYTES) as whole:
        whole.write(f"{line}\n".encode())
        heads.seek(0)
        shutil.copyfileobj(heads, whole)
        whole.seek(0)
        return files.save(number, whole)


def _adopt() -> None:
    """Give rows to the files that a crash has left without: they are signed, so they stand."""
    while True:
        number, previous = _next()
        if not files.exists(number):
            return
        try:
            text, line = _whole(number, previous)
        except ValueError as error:
            raise SealFailed(
                f"{file_name(number)} is in the way: it is not the next seal of this log, {error}. "
                "Find out where it comes from, then move it away."
            ) from error
        _store(text, line)
        logger.warning("seal %d had a file but no rows", number, extra={"action": "seal"})


def _whole(number: int, previous: str) -> tuple[SealText, str]:
    """Return what a seal's file says; ValueError where it is not this seal, or not all of it."""
    with files.lines(number) as lines:
        line = next(lines, "").rstrip("\n")
        text = parse(line)
        heads = digest_of(lines)
    if (text.number, text.previous) != (number, previous):
        raise ValueError("it follows another seal")
    if text.key != key.raw(key.private_key().public_key()):
        raise ValueError("another key has signed it")
    if heads != (text.heads, text.digest):
        raise ValueError("its heads are not those that were signed")
    return text, line


def _store(text: SealText, line: str) -> None:
    """Store the rows of a seal's file."""
    with transaction.atomic(durable=True), files.lines(text.number) as lines:
        row = Seal.objects.create(number=text.number, at=clock.parse(text.at), text=line)
        next(lines)
        while some := [parse_head(head) for head in islice(lines, ROWS_AT_ONCE)]:
            SealedHead.objects.bulk_create(
                SealedHead(seal=row, job=job, seq=seq, hash=hashed) for job, seq, hashed in some
            )
