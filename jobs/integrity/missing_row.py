"""Why a seal has a file and no row, and what helps: what `seal` would do with the file."""

from __future__ import annotations

from jobs.integrity.seals import SealFailed
from jobs.integrity.seals.adopt import (
    Keys,
    check_whole,
    command_for,
    last_seal,
    newer_files,
    next_adoptable,
    read_older,
)


def missing_row(number: int, keys: Keys) -> str:
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
