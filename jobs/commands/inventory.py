"""Change the inventory by hand: one target at a time, by staff."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from core.errors import NotFound
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.models import Claim, Job, Target


@dataclass(frozen=True, slots=True)
class TargetUse:
    """The unfinished jobs that claim a target: the one that works on it, and how many wait."""

    holder: Job | None = None
    waiting: int = 0


def find_target(principal: Principal, number: int) -> Target:
    """Return a target in order to change it. Raises Forbidden, NotFound."""
    visibility.require_staff(principal)
    found = Target.objects.filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such target.")
    return found


def save_target(principal: Principal, target: Target) -> None:
    """Add or change a target, which `jobs.targets.validation` has found good. Raises Forbidden."""
    visibility.require_staff(principal)
    target.save()


def retire_target(principal: Principal, number: int) -> Target:
    """Take a target out of the inventory; its jobs and their history stay."""
    target = find_target(principal, number)
    target.delete()
    return target


def uses_of(names: Iterable[str]) -> dict[str, TargetUse]:
    """Return how each of the targets that any job claims is used now, in two queries."""
    claims = list(Claim.objects.filter(target__in=list(names)).values_list("target", "job", "held"))
    jobs: dict[UUID, Job] = Job.objects.in_bulk([job for _, job, held in claims if held])
    uses: dict[str, TargetUse] = {}
    for name, job, held in claims:
        use = uses.get(name, TargetUse())
        if held:
            uses[name] = TargetUse(jobs.get(job), use.waiting)
        else:
            uses[name] = TargetUse(use.holder, use.waiting + 1)
    return uses
