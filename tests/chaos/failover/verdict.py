"""What must hold of a failover: what was acknowledged, and who was told of what is lost. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos import checks
from tests.chaos.checks import Seen
from tests.chaos.failover.plan import Planned
from tests.chaos.streams import account
from tests.chaos.streams.history import History, fingerprint

#: How a follower is told that the log is not the one that it has followed.
TOLD = ("cursor_ahead", "history_diverged")


@dataclass(frozen=True, slots=True)
class Follower:
    """What one follower of a job was given, and how that ended ("": with the job)."""

    number: int
    job: str
    trouble: str
    history: History

    @property
    def told(self) -> bool:
        """Whether it was told that the log is another."""
        return self.trouble.startswith(TOLD)


@dataclass(frozen=True, slots=True)
class Found:
    """All that was found of a failover.

    `logs` are the texts of the jobs in the end, `broken` what `verify` says of any, `missing` the
    acknowledged submits that are gone, `troubles` what kept it from being well again.
    """

    planned: Planned
    logs: Mapping[str, Sequence[str]]
    followers: Sequence[Follower]
    acknowledged: int
    missing: int
    broken: Sequence[str]
    troubles: Sequence[str]

    @property
    def forgotten(self) -> int:
        """How many events that followers had are not in the log any more, for all of them."""
        return sum(_account(one, self.logs).foreign for one in self.followers)

    @property
    def told(self) -> int:
        """How many followers were told that the log is another."""
        return sum(one.told for one in self.followers)


def judge(found: Found) -> list[str]:
    """Return what is wrong with a failover; nothing where all holds."""
    parts = (_logs, _runs, _submits, _followers)
    return [*found.troubles, *found.broken, *(what for part in parts for what in part(found))]


def _logs(found: Found) -> Iterator[str]:
    for job, texts in found.logs.items():
        seen = Seen(wanted="", before={}, after={}, texts=texts)
        for check in (checks.chained, checks.once):
            yield from (f"job {job}: {what}" for what in check(seen))
        if not seen.has_ended:
            yield f"job {job} has not ended: {texts[-1:]}"


def _runs(found: Found) -> Iterator[str]:
    """Say which runs went on over events that they had lost, as if nothing had been."""
    went_back = {one.job for one in found.followers if _account(one, found.logs).foreign}
    for job in went_back:
        attempts = max(json.loads(text).get("attempt", 0) for text in found.logs[job])
        if attempts < 2:
            yield f"job {job} lost events, and its run went on as if it had not"


def _submits(found: Found) -> Iterator[str]:
    if found.missing and found.planned.synchronous:
        yield f"{found.missing} of {found.acknowledged} acknowledged submits are gone"


def _followers(found: Found) -> Iterator[str]:
    for one in found.followers:
        got = _account(one, found.logs)
        name = f"follower {one.number}"
        if one.told and not found.planned.synchronous:
            # What it has is a beginning of the log, and then what is lost.
            kept = account.of(
                _prints(found.logs[one.job])[: len(one.history.seqs) - got.foreign],
                one.history.seqs[: len(one.history.seqs) - got.foreign],
                one.history.prints[: len(one.history.seqs) - got.foreign],
            )
            if kept.wrong or not got.foreign:
                yield f"{name} was told {one.trouble}, and has {got}"
        elif one.trouble:
            yield f"{name} ended: {one.trouble}"
        elif got.wrong:
            yield f"{name} was told nothing, and has {got}"


def _account(one: Follower, logs: Mapping[str, Sequence[str]]) -> account.Account:
    return account.of(_prints(logs[one.job]), one.history.seqs, one.history.prints)


def _prints(texts: Sequence[str]) -> list[int]:
    return [fingerprint(text.encode()) for text in texts]
