"""The chain of seals checked: signatures, numbers, and that files, rows and digests agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import clock
from jobs.models import Seal, SealedHead
from jobs.seals import files
from jobs.seals.text import FIRST_PREVIOUS, SealText, digest_of, hash_of, head_line, parse

HEADS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class SealVerdict:
    """What the check of one seal came to."""

    seal: int
    ok: bool
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values: `ok`, and the reason where there is one."""
        return {"ok": self.ok, **({"reason": self.reason} if self.reason else {})}


class _Bad(Exception):
    """Why a seal does not hold, in plain words."""


def verify_seals(
    keys: Sequence[str] = (), *, on_progress: Callable[[int], None] | None = None
) -> Iterator[SealVerdict]:
    """Yield a verdict on every seal from 1 to the newest that has a row or a file, in flat memory.

    `keys` are the public keys, in hex, whose signatures count; none given: whichever a seal names.
    """
    follows = {FIRST_PREVIOUS}
    for number in range(1, newest() + 1):
        row = Seal.objects.filter(number=number).first()
        line = _file_line(number)
        try:
            _check(number, row, line, keys, follows)
            yield SealVerdict(number, True)
        except _Bad as bad:
            yield SealVerdict(number, False, str(bad))
        # A bad seal is bad once: what follows it is held against whichever of the two is left.
        follows = {hash_of(text) for text in (row.text if row else None, line) if text is not None}
        if on_progress:
            on_progress(1)


def newest() -> int:
    """Return the number of the newest seal that has a row or a file; 0 for none."""
    last = Seal.objects.order_by("-number").values_list("number", flat=True).first()
    return max([last or 0, *files.numbers()[-1:]])


def _file_line(number: int) -> str | None:
    try:
        with files.lines(number) as lines:
            return next(lines, "").rstrip("\n")
    except FileNotFoundError:
        return None


def _check(
    number: int, row: Seal | None, line: str | None, keys: Sequence[str], follows: set[str]
) -> None:
    if row is None and line is None:
        raise _Bad("It is missing, file and row.")
    if row is None:
        raise _Bad(_rowless(number))
    if line is None:
        raise _Bad("Its file is missing.")
    text = _signed(row.text, "row")
    if _signed(line, "file") != text:
        raise _Bad("Its file and its row are two different seals.")
    if keys and text.key not in keys:
        raise _Bad(f"Another key has signed it: {text.key}.")
    if (text.number, clock.parse(text.at)) != (number, row.at):
        raise _Bad(f"Its row is not what was signed, seal {text.number} of {text.at}.")
    if follows and text.previous not in follows:
        raise _Bad("It does not follow the seal before: one of the two was exchanged.")
    with files.lines(number) as lines:
        next(lines)
        _check_heads(text, lines, "file")
    rows = SealedHead.objects.filter(seal=row).order_by("job").values_list("job", "seq", "hash")
    _check_heads(text, (head_line(*head) for head in rows.iterator(HEADS_AT_ONCE)), "row")


def _rowless(number: int) -> str:
    """Say why a seal may have a file and no row, and what helps."""
    last = Seal.objects.order_by("-number").values_list("number", flat=True).first() or 0
    if number < last:
        return (
            f"Its row was removed: there is seal {last}, so no crash did that. `seal` takes up none"
            " but the next one: restore the row from a backup."
        )
    if number > last + 1:
        return f"Its row is missing, as that of seal {number - 1} is."
    return (
        "Its row is missing: a crash kept `seal` from finishing (run `seal`, which takes the file"
        " up), or the row was removed, or the database was restored from before it."
    )


def _signed(line: str, where: str) -> SealText:
    try:
        return parse(line)
    except ValueError as error:
        raise _Bad(f"Its {where} was changed: {error}.") from error


def _check_heads(text: SealText, lines: Iterable[str], where: str) -> None:
    if digest_of(lines) != (text.heads, text.digest):
        raise _Bad(f"The heads of its {where} are not those that were signed.")
