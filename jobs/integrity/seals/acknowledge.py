"""Seals that are newer than a restored database: which can be acknowledged, and what is lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from core.records.seal_text import file_name
from jobs.integrity.seals import key
from jobs.integrity.seals.adopt import (
    Keys,
    NotInLog,
    SealFile,
    check_whole,
    command_for,
    last_seal,
    newer_files,
    next_adoptable,
)
from jobs.integrity.seals.compare import Comparison, Head, State, compare_heads, count_heads
from jobs.integrity.seals.key import SealFailed

EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """What an acknowledgement accepts: of each seal, in how many jobs, and the first lost heads."""

    seals: list[Comparison]
    jobs: int
    examples: list[Head]

    def as_dict(self) -> dict[str, Any]:
        """Return the preview as JSON values."""
        lost = [
            {"seal": head.seal, "job": str(head.job), "seq": head.seq, "log_head": head.log_head,
             "state": str(head.state)}
            for head in self.examples
        ]  # fmt: skip
        return {"seals": [seal.as_dict() for seal in self.seals], "jobs": self.jobs, "lost": lost}


def preview_loss(last: int, *, keys: Collection[str] = ()) -> Preview:
    """Return what is lost if the seals up to `last` are acknowledged; SealFailed as there."""
    newer = seals_to_acknowledge(last, key.trusted_keys(keys))
    jobs, examples = set[int](), list[Head]()
    for file in newer:
        for head in compare_heads(file.text.number):
            if head.state is State.HELD:
                continue
            jobs.add(head.job.int)
            if len(examples) < EXAMPLES:
                examples.append(head)
    return Preview([count_heads(file.text) for file in newer], len(jobs), examples)


def seals_to_acknowledge(last: int, keys: Keys) -> list[SealFile]:
    """Return the files of the seals after the last row up to `last`, checked.

    SealFailed if these are none or not all, where one is damaged, does not follow or has a
    signature of another key, and where the first can have its row, so that it is not lost.
    """
    row, _hash = last_seal()
    if last <= row:
        raise SealFailed(f"Seal {last} is not newer than seal {row}, the last in this database.")
    newer = newer_files(keys)
    newest = newer[-1].text.number if newer else row
    if last > newest:
        raise SealFailed(f"There is no {file_name(last)}: the newest seal is {newest}.")
    _check_lost(newer)
    if last < newest:
        raise SealFailed(
            f"Seal {newest} is newer than the database as well: acknowledge all up to that one, "
            f"{command_for(newer, f' --acknowledge {newest}')}."
        )
    for file in newer:
        try:
            check_whole(file)
        except ValueError as error:
            raise SealFailed(
                f"{file_name(file.text.number)} is damaged: {error}. Put it back from a copy."
            ) from error
    return newer


def _check_lost(newer: list[SealFile]) -> None:
    try:
        kept = newer[next_adoptable(newer)].text.number
    except NotInLog:
        return
    raise SealFailed(
        f"The log has all that seal {kept} vouches for: run {command_for(newer)}, which takes that "
        "one up."
    )
