"""The chain of seals checked: signatures, numbers, and that files, rows and digests agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import clock
from core.records.seal_text import (
    FIRST_PREVIOUS,
    SealText,
    digest_of,
    hash_of,
    head_line,
    parse_seal,
)
from jobs.integrity.seals import SealFailed, files
from jobs.integrity.seals.adopt import (
    Keys,
    acknowledged_seals,
    check_whole,
    command_for,
    last_seal,
    newer_files,
    next_adoptable,
    read_older,
)
from jobs.models import Seal, SealedHead

HEADS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class SealVerdict:
    """What the check of one seal came to; `acknowledged` is the seal that acknowledges it."""

    seal: int
    ok: bool
    reason: str | None = None
    acknowledged: SealText | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values: `ok`, and `reason` and `acknowledged` if there are."""
        found: dict[str, Any] = {"ok": self.ok}
        if self.reason:
            found["reason"] = self.reason
        if self.acknowledged and (said := self.acknowledged.acknowledged):
            seal, at = self.acknowledged.number, self.acknowledged.at
            found["acknowledged"] = {"seal": seal, "at": at, "by": said.by, "reason": said.reason}
        return found


class _Bad(Exception):
    """Why a seal does not hold, in plain words."""


def verify_seals(
    keys: Sequence[str] = (), *, on_progress: Callable[[int], None] | None = None
) -> Iterator[SealVerdict]:
    """Yield a verdict on every seal from 1 to the newest that has a row or a file, in flat memory.

    `keys` are the public keys, in hex, whose signatures count; none given: whichever a seal names.
    """
    follows, acknowledged = {FIRST_PREVIOUS}, acknowledged_seals(keys or None)
    for number in range(1, newest_number() + 1):
        row = Seal.objects.filter(number=number).first()
        line = files.first_line(number)
        by = acknowledged.get(number) if row is None and line is not None else None
        try:
            if by is not None:
                _check_acknowledged(number, line or "", keys, follows)
            else:
                _check_seal(number, row, line, keys, follows)
            yield SealVerdict(number, True, acknowledged=by)
        except _Bad as bad:
            yield SealVerdict(number, False, str(bad))
        # A bad seal is bad once: what follows it is held against whichever of the two is left.
        follows = {hash_of(text) for text in (row.text if row else None, line) if text is not None}
        if on_progress:
            on_progress(1)


def newest_number() -> int:
    """Return the number of the newest seal that has a row or a file; 0 for none."""
    last = Seal.objects.order_by("-number").values_list("number", flat=True).first()
    return max([last or 0, *files.file_numbers()[-1:]])


def _check_seal(
    number: int, row: Seal | None, line: str | None, keys: Sequence[str], follows: set[str]
) -> None:
    if row is None and line is None:
        raise _Bad("It is missing, file and row.")
    if row is None:
        raise _Bad(_missing_row(number, keys or None))
    if line is None:
        raise _Bad("Its file is missing.")
    text = _signed_text(row.text, "row")
    if _signed_text(line, "file") != text:
        raise _Bad("Its file and its row are two different seals.")
    _check_key(text, keys)
    if (text.number, clock.parse(text.at)) != (number, row.at):
        raise _Bad(f"Its row is not what was signed, seal {text.number} of {text.at}.")
    _check_file(text, number, follows)
    rows = SealedHead.objects.filter(seal=row).order_by("job").values_list("job", "seq", "hash")
    _check_heads(text, (head_line(*head) for head in rows.iterator(HEADS_AT_ONCE)), "row")


def _check_acknowledged(number: int, line: str, keys: Sequence[str], follows: set[str]) -> None:
    """Check the file of a seal that has no row because it is acknowledged."""
    text = _signed_text(line, "file")
    _check_key(text, keys)
    if text.number != number:
        raise _Bad(f"Its file is that of seal {text.number}.")
    _check_file(text, number, follows)


def _check_key(text: SealText, keys: Sequence[str]) -> None:
    if keys and text.key not in keys:
        raise _Bad(f"Another key has signed it: {text.key}.")


def _check_file(text: SealText, number: int, follows: set[str]) -> None:
    if follows and text.previous not in follows:
        raise _Bad("It does not follow the seal before: one of the two was exchanged.")
    with files.open_lines(number) as lines:
        next(lines)
        _check_heads(text, lines, "file")


def _signed_text(line: str, where: str) -> SealText:
    try:
        return parse_seal(line)
    except ValueError as error:
        raise _Bad(f"Its {where} was changed: {error}.") from error


def _check_heads(text: SealText, lines: Iterable[str], where: str) -> None:
    if not digest_of(lines).is_signed_by(text):
        raise _Bad(f"The heads of its {where} are not those that were signed.")


def _missing_row(number: int, keys: Keys) -> str:
    """Return in plain words why a seal's row may be missing, and the command that helps."""
    last, _hash = last_seal()
    if number < last:
        return _older_advice(number, last, keys)
    if number > last + 1:
        return f"Its row is missing, as that of seal {number - 1} is."
    return _newer_advice(keys)


def _older_advice(number: int, last: int, keys: Keys) -> str:
    removed = f"Its row was removed: there is seal {last}, so no crash did that."
    try:
        file = read_older(number, keys)
        check_whole(file)
    except ValueError as error:
        return (
            f"{removed} Its file cannot give the row back: {error}. Put back the files from a "
            "copy, then run `seal`."
        )
    return f"{removed} Run {command_for([file])}, which gives the row back from the file."


def _newer_advice(keys: Keys) -> str:
    try:
        newer = newer_files(keys)
        kept = newer[next_adoptable(newer)]
    except SealFailed as error:
        return f"Its row is missing. {error.message}"
    command = command_for(newer)
    if kept is not newer[0]:
        return (
            f"Its row is missing. Seal {kept.text.number} acknowledges it and has no row either: "
            f"run {command}, which takes that one up."
        )
    return (
        "Its row is missing, and the log has all that it vouches for: a crash kept `seal` from "
        f"finishing, or the row was removed. Run {command}, which takes the file up."
    )
