"""What teams may do with which kinds on which targets, as the rows of `Right` say.

Rights narrow what roles allow; they give no permission. They count where REPRISE_RIGHTS is
`granted`: otherwise, and for staff, everything is reached. A right to run or to approve is one to
see, too. Whose rights decide: a person's are those of all their teams; a job's are its team's
(`jobs.access.run_rights`, `jobs.access.visibility`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.conf import settings

from core.user_code import report
from jobs.kinds import registry
from jobs.kinds.batches import names_in_words
from jobs.models import ALL, Job, Right, Target
from jobs.targets.selectors import is_selector, matching_query

SEE, RUN, APPROVE = Right.SEE, Right.RUN, Right.APPROVE
GRANTED = "granted"
# What a right to do one thing is also one to.
_IMPLIED = {SEE: {SEE}, RUN: {SEE, RUN}, APPROVE: {SEE, APPROVE}}


class Row(NamedTuple):
    """A right as a value; `team` is the team's id."""

    team: int
    act: str
    kind: str
    targets: str


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of some teams, as of when they were read; `unlimited`: everything.

    Each question takes one query at most, however many targets and rights there are.
    """

    rows: Collection[Row] = ()
    unlimited: bool = False
    _found: dict[frozenset[str], frozenset[str]] = field(default_factory=dict, compare=False)

    def selectors(self, act: str, kind: str, team: int | None = None) -> frozenset[str]:
        """Return what chooses the targets on which an act is allowed; of one team, where given.

        Empty if the kind is not reached at all.
        """
        if self.unlimited:
            return frozenset({ALL})
        return frozenset(
            row.targets
            for row in self.rows
            if act in _IMPLIED[row.act] and row.kind in (ALL, kind) and team in (None, row.team)
        )

    def allows(self, act: str, kind: str, team: int | None = None) -> bool:
        """Return whether an act is allowed for jobs of this kind, on some targets or none."""
        return bool(self.selectors(act, kind, team))

    def missing(
        self, act: str, kind: str, targets: Collection[str], team: int | None = None
    ) -> list[str]:
        """Return those of the targets, each once, on which an act is not allowed.

        A target that the inventory does not have is reached by its name and by `*`.
        """
        chosen = self.selectors(act, kind, team)
        if ALL in chosen:
            return []
        found = self._named(chosen)
        return [name for name in dict.fromkeys(targets) if name not in found]

    def teams(self, act: str, kind: str) -> set[int]:
        """Return the ids of the teams that have a right to an act for jobs of this kind."""
        return {row.team for row in self.rows if self.allows(act, kind, row.team)}

    def _named(self, chosen: frozenset[str]) -> frozenset[str]:
        """Return the names that are chosen one by one, and those that selectors stand for."""
        if chosen not in self._found:
            found = chosen
            if choosing := {text for text in chosen if is_selector(text)}:
                rows = Target.objects.filter(matching_query(choosing))
                found |= frozenset(rows.values_list("name", flat=True))
            self._found[chosen] = found
        return self._found[chosen]


UNLIMITED = Rights(unlimited=True)


def are_granted() -> bool:
    """Return whether this installation asks for rights at all."""
    return bool(settings.REPRISE.rights == GRANTED)


def rights_of_teams(teams: Iterable[int]) -> Rights:
    """Return the rights of these teams."""
    rows = Right.objects.filter(team__in=set(teams)).order_by()
    return Rights(tuple(map(Row._make, rows.values_list("team", "act", "kind", "targets"))))


def approval_refusal(allowed: Rights, job: Job) -> str | None:
    """Return why somebody with these rights may not answer at a job's gates; None if they may."""
    if allowed.unlimited:
        return None
    if not allowed.allows(APPROVE, job.kind):
        return f"No team of yours may approve jobs of the kind {job.kind}."
    if missing := allowed.missing(APPROVE, job.kind, targets_of(job)):
        return f"No team of yours may approve {job.kind} on {names_in_words(missing)}."
    return None


def planned_targets(plan: Mapping[str, Any], own: Iterable[str]) -> list[str]:
    """Return the targets that a plan (as JSON) names and those that a job has for itself, once."""
    planned = (name for group in plan.get("groups", ()) for name in group["targets"])
    return list(dict.fromkeys([*planned, *own]))


def targets_of(job: Job) -> list[str]:
    """Return the targets that a job names: those of its plan, and those that its kind claims."""
    kind = registry.find_kind(job.kind)
    try:
        own = kind.targets(kind.read_own(job.params)) if kind else []
    except Exception as error:  # noqa: BLE001 - a kind's code: the plan says what was meant
        report(f"targets of job {job.pk} unknown", error, job.pk)
        own = []
    return planned_targets(job.plan, own)
