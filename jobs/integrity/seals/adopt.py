"""Seals whose files have no row: which they are, and giving them their rows.

A crash between file and rows leaves such a file, a lost row too, and so does a restore of an older
backup. Of the last kind the log does not have what it vouches for, and so it gets no row: that
has to be acknowledged (`seal --acknowledge`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from django.db import transaction

from core import clock
from core.records.seal_text import (
    FIRST_PREVIOUS,
    SealText,
    digest_of,
    file_name,
    hash_of,
    head_line,
    parse_head,
    parse_seal,
)
from jobs.integrity.seals import files, key
from jobs.integrity.seals.compare import count_heads
from jobs.integrity.seals.key import SealFailed
from jobs.log.restore import NO_LIMIT
from jobs.log.sql import change_rows
from jobs.models import Seal, SealedHead
from jobs.system_log.stream import record_upkeep

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 1000

# Public keys in hex whose signatures count; None: any key's.
Keys = Collection[str] | None


class NotInLog(SealFailed):
    """The log does not have what a seal vouches for."""


# Gets the number of a seal that has its row again, or of one that cannot have it and why.
OnAdopt = Callable[[int, str | None], None]


@dataclass(frozen=True, slots=True)
class SealFile:
    """What a seal's file says in its first line, and that line."""

    text: SealText
    line: str


def last_seal() -> tuple[int, str]:
    """Return the number of the newest seal that has a row, and the hash of its line."""
    last = Seal.objects.order_by("-number").first()
    return (last.number, hash_of(last.text)) if last else (0, FIRST_PREVIOUS)


def newer_files(keys: Keys) -> list[SealFile]:
    """Return the seals newer than the last row, ascending; SealFailed unless each fits."""
    last, previous = last_seal()
    found = list[SealFile]()
    for number in files.file_numbers():
        if number <= last:
            continue
        if number != (expected := last + len(found) + 1):
            raise SealFailed(
                f"{file_name(expected)} is missing, and {file_name(number)} is there. Put the "
                "missing file back from a copy. If there is none, move the newer files away."
            )
        try:
            found.append(_read_file(number, previous, keys))
        except ValueError as error:
            raise _in_the_way(number, error) from error
        previous = hash_of(found[-1].line)
    return found


def next_adoptable(newer: Sequence[SealFile]) -> int:
    """Return which of the newer seals `seal` takes up next, as an index.

    That is the first, or the last one that acknowledges it. NotInLog if that one vouches for
    what the log does not have, another SealFailed if it is damaged.
    """
    first = newer[0].text.number
    kept = 0
    for index, file in enumerate(newer):
        acknowledged = file.text.acknowledged
        if acknowledged is not None and acknowledged.seals[0] == first:
            kept = index
    _check_log(newer, newer[kept])
    return kept


def adopt_newer(keys: Keys, on_adopt: OnAdopt) -> None:
    """Give rows to the seals that are newer than the last row; SealFailed at one that gets none."""
    newer = newer_files(keys)
    while newer:
        kept = next_adoptable(newer)
        _adopt_file(newer[kept], on_adopt)
        newer = newer[kept + 1 :]


def adopt_older(keys: Keys, on_adopt: OnAdopt) -> None:
    """Give their rows back to seals older than the last row whose files fit their neighbours.

    Whether the log still has their heads does not matter: if it does not, `verify` has to see it.
    """
    for number in rowless_seals():
        try:
            file = read_older(number, keys)
            check_whole(file)
            _adopt_file(file, on_adopt)
        except (ValueError, SealFailed) as error:
            logger.warning("seal %d has no row: %s", number, error, extra={"action": "seal"})
            on_adopt(number, str(error))


def rowless_seals() -> list[int]:
    """Return the seals older than the last row that have a file and no row, ascending.

    Acknowledged ones are left out: they are to have none.
    """
    rows = set(Seal.objects.values_list("number", flat=True))
    last = max(rows, default=0)
    found = [number for number in files.file_numbers() if number < last and number not in rows]
    acknowledged = acknowledged_seals(None) if found else {}
    return [number for number in found if number not in acknowledged]


def read_older(number: int, keys: Keys) -> SealFile:
    """Read an older seal's file; ValueError unless it fits both neighbours."""
    before = _seal_line(number - 1) if number > 1 else None
    if number > 1 and before is None:
        raise ValueError(f"seal {number - 1} is missing, so it cannot be held against that one")
    file = _read_file(number, hash_of(before) if before is not None else FIRST_PREVIOUS, keys)
    with suppress(ValueError):  # a neighbour that was changed follows nothing
        if parse_seal(_seal_line(number + 1) or "").previous == hash_of(file.line):
            return file
    raise ValueError(f"seal {number + 1} does not follow it")


def acknowledged_seals(keys: Keys) -> dict[int, SealText]:
    """Return the seals that others acknowledge, each with the one that does.

    Only a signed seal that has both file and row is believed, and none that is acknowledged itself.
    """
    found: dict[int, SealText] = {}
    rows = Seal.objects.filter(text__contains='"acknowledged":').order_by("-number")
    for row in rows:
        if row.number in found or files.first_line(row.number) != row.text:
            continue
        try:
            text = parse_seal(row.text)
        except ValueError:
            continue
        if text.number == row.number and text.acknowledged and _is_trusted(text, keys):
            found.update({seal: text for seal in text.acknowledged.seals if seal not in found})
    return found


def check_whole(file: SealFile) -> None:
    """Raise ValueError unless the heads in a seal's file are those that were signed."""
    with files.open_lines(file.text.number) as lines:
        next(lines)
        if not digest_of(lines).is_signed_by(file.text):
            raise ValueError("its heads are not those that were signed")


def command_for(used: Sequence[SealFile], options: str = "") -> str:
    """Return the command that takes up such files here: with the keys that have signed them."""
    own = key.known_key()
    foreign = sorted({file.text.key for file in used} - {own}) if own else []
    return f"`seal{options}{''.join(f' --key {each}' for each in foreign)}`"


def _check_log(newer: Sequence[SealFile], file: SealFile) -> None:
    number, first = file.text.number, newer[0].text.number
    command = command_for(newer, f" --acknowledge {newer[-1].text.number}")
    if file.text.acknowledged and file.text.acknowledged.seals[0] < first:
        raise NotInLog(
            f"Seal {number} acknowledges seals that this database has: it belongs to another copy "
            f"of this log. If the database was restored from before seal {number}, run {command}."
        )
    try:
        check_whole(file)
    except ValueError as error:
        raise _in_the_way(number, error) from error
    compared = count_heads(file.text)
    if compared.lost:
        raise NotInLog(
            f"The log does not have what seal {number} vouches for: {compared.words}. If the "
            f"database was restored from before that seal, run {command}. If not, the log was "
            "changed."
        )


def _read_file(number: int, previous: str, keys: Keys) -> SealFile:
    """Return the line of a seal's file; ValueError if it is not this seal."""
    line = files.first_line(number)
    text = parse_seal(line or "")
    if (text.number, text.previous) != (number, previous):
        raise ValueError("it follows another seal")
    if not _is_trusted(text, keys):
        raise ValueError(
            f"another key has signed it (if that was this installation's key before it was "
            f"changed, add `--key {text.key}`)"
        )
    return SealFile(text, line or "")


def _is_trusted(text: SealText, keys: Keys) -> bool:
    return keys is None or text.key in keys


def _seal_line(number: int) -> str | None:
    """Return a seal's line by its row, else by its file; None if it has neither."""
    row = Seal.objects.filter(number=number).first()
    return row.text if row else files.first_line(number)


def _in_the_way(number: int, error: ValueError) -> SealFailed:
    return SealFailed(
        f"{file_name(number)} is in the way: it is not the next seal of this log, {error}. "
        "Find out where it comes from, then move it away."
    )


def _adopt_file(file: SealFile, on_adopt: OnAdopt) -> None:
    _store_rows(file)
    logger.warning("seal %d had a file but no row", file.text.number, extra={"action": "seal"})
    on_adopt(file.text.number, None)


def _store_rows(file: SealFile) -> None:
    """Store the rows of a seal's file; SealFailed where other heads of it are left in the way."""
    text = file.text
    with transaction.atomic(durable=True), files.open_lines(text.number) as lines:
        change_rows(NO_LIMIT, [True])
        row = Seal.objects.create(number=text.number, at=clock.parse(text.at), text=file.line)
        next(lines)
        while page := [parse_head(head) for head in islice(lines, ROWS_AT_ONCE)]:
            heads = [
                SealedHead(seal=row, job=job, seq=seq, hash=hashed) for job, seq, hashed in page
            ]
            SealedHead.objects.bulk_create(heads, ignore_conflicts=True)
        stored = SealedHead.objects.filter(seal=row).order_by("job")
        kept = stored.values_list("job", "seq", "hash").iterator(ROWS_AT_ONCE)
        if not digest_of(head_line(*head) for head in kept).is_signed_by(text):
            raise SealFailed(
                f"jobs_sealedhead has heads of seal {text.number} that were not signed: somebody "
                "wrote them. Remove them as the database's superuser, then run `seal` again."
            )
        record_upkeep("seal", f"Gave seal {text.number}, which had a file only, its rows back")
