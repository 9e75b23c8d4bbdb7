"""Making a seal: the heads of one moment, digested, signed, written to a file and to rows."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import starmap
from tempfile import SpooledTemporaryFile
from typing import IO

from django.conf import settings
from django.db import connection, transaction

from core import clock
from core.records.keys import raw_key
from core.records.seal_text import (
    LONGEST_REASON,
    Acknowledgement,
    HeadsDigest,
    HeadsHasher,
    SealText,
    hash_of,
    head_line,
    is_sentence,
)
from jobs.integrity.seals import files, key
from jobs.integrity.seals.acknowledge import seals_to_acknowledge
from jobs.integrity.seals.adopt import OnAdopt, adopt_newer, adopt_older, last_seal
from jobs.integrity.seals.key import SealFailed
from jobs.log.restore import NO_LIMIT
from jobs.log.sql import change_rows, fetch_rows
from jobs.models import Seal
from jobs.system_log.stream import record_upkeep

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


@dataclass(frozen=True, slots=True)
class MovedHeads:
    """Heads that no seal has yet: what is signed of their lines, and these in a file."""

    signed: HeadsDigest
    file: IO[bytes]


def seal_heads(
    *, wait: bool = True, keys: Collection[str] = (), on_adopt: OnAdopt = lambda *_: None
) -> Sealed | None:
    """Seal every head that has moved since the last seal; None if none has.

    Of several at a time one seals; the others wait for it, or without `wait` leave it to that one.
    Seals whose files have no rows get them first, where they are this log's; `on_adopt` is told of
    each. `keys` are public keys, in hex, that have signed such files beside the
    installation's own. Raises SealFailed where key or files cannot be used.
    """
    with _hold_lock(wait) as first, _file_errors():
        if not first:
            return None
        trusted = key.trusted_keys(keys)
        adopt_older(trusted, on_adopt)
        adopt_newer(trusted, on_adopt)
        with _moved_heads() as heads:
            number, previous = last_seal()
            return _write_seal(heads, number + 1, previous) if heads.signed.count else None


def acknowledge_seals(last: int, reason: str, by: str, *, keys: Collection[str] = ()) -> Sealed:
    """Make the seal after `last`, which acknowledges all newer than the database up to that one.

    `reason` and `by` (who) are signed with it. Raises SealFailed if these seals cannot be
    acknowledged; see `seals_to_acknowledge`.
    """
    if not (is_sentence(reason) and is_sentence(by)):
        raise SealFailed(f"Say why in one line of 1 to {LONGEST_REASON} characters.")
    with _hold_lock(wait=True), _file_errors():
        newer = seals_to_acknowledge(last, key.trusted_keys(keys))
        numbers = tuple(file.text.number for file in newer)
        with _moved_heads() as heads:
            previous = hash_of(newer[-1].line)
            made = _write_seal(heads, last + 1, previous, Acknowledgement(numbers, reason, by))
        # The seal is the signed record. Its transaction sees one moment, and can append to no log.
        record_upkeep("seal", f"Acknowledged seals {numbers[0]} to {last}: {reason}")
        return made


def seal_if_due() -> None:
    """Seal if the last seal is older than REPRISE_SEAL_HOURS (0: never); for the sealer."""
    hours = settings.REPRISE.seal_hours
    last = Seal.objects.order_by("-number").first()
    if hours == 0 or (last and clock.now() - last.at < timedelta(hours=hours)):
        return
    try:
        made = seal_heads(wait=False)
    except SealFailed as error:
        logger.error("not sealed: %s", error, extra={"action": "seal"})
        return
    if made:
        logger.info("made seal %d of %d heads", made.number, made.heads)


@contextmanager
def _hold_lock(wait: bool) -> Iterator[bool]:
    """Hold the lock of all who seal; yield whether it was got.

    It is the session's, since a transaction's would come too late: to ask for it is to fix what a
    repeatable read sees.
    """
    ask = "select pg_advisory_lock(%s) is not null" if wait else "select pg_try_advisory_lock(%s)"
    [(got,)] = fetch_rows(ask, [LOCK])
    try:
        yield bool(got)
    finally:
        if got:
            change_rows("select pg_advisory_unlock(%s)", [LOCK])


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SealFailed(f"The seal's file cannot be written: {error}") from error


@contextmanager
def _moved_heads() -> Iterator[MovedHeads]:
    """Yield the heads that no seal has, in the transaction that is to seal them."""
    with transaction.atomic(durable=True), SpooledTemporaryFile(MEMORY_BYTES) as file:
        change_rows(_ONE_MOMENT)
        change_rows(NO_LIMIT, [True])
        yield MovedHeads(_write_heads(file), file)


def _write_seal(
    heads: MovedHeads, number: int, previous: str, acknowledged: Acknowledgement | None = None
) -> Sealed:
    """Sign a seal of these heads; write its file and then its rows."""
    signer = key.private_key()
    at, public = clock.rfc3339(clock.now()), raw_key(signer.public_key())
    signed = heads.signed
    text = SealText(
        number, at, previous, signed.count, signed.digest, public, acknowledged, signed.root
    )
    line = text.signed(signer)
    name = _write_file(number, line, heads.file)
    Seal.objects.create(number=number, at=clock.parse(at), text=line)
    change_rows(_INSERT, [number])
    return Sealed(number, at, signed.count, signed.digest, name)


def _write_heads(file: IO[bytes]) -> HeadsDigest:
    """Write the lines of all heads that moved, by job; return what is to be signed of them."""
    hasher = HeadsHasher()
    with connection.chunked_cursor() as cursor:
        cursor.execute(_MOVED)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            for line in starmap(head_line, rows):
                hasher.add(line)
                file.write(line.encode())
    return hasher.end()


def _write_file(number: int, line: str, heads: IO[bytes]) -> str:
    with SpooledTemporaryFile(MEMORY_BYTES) as whole:
        whole.write(f"{line}\n".encode())
        heads.seek(0)
        shutil.copyfileobj(heads, whole)
        whole.seek(0)
        return files.save_file(number, whole)
