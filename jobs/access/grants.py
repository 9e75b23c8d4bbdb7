"""Giving rights to teams, taking them away, and explaining what somebody may do, and why."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User

from core.errors import BadRequest, NotFound
from core.terminal import hidden_words
from jobs.access import visibility
from jobs.access.rights import APPROVE, RUN, SEE, are_granted
from jobs.access.visibility import Principal
from jobs.kinds import registry
from jobs.models import ALL, Right, Target, Team
from jobs.targets.selectors import GROUP, LABEL, matching_query

ACTS = (SEE, RUN, APPROVE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody may do an act, and why or why not."""

    act: str
    allowed: bool
    why: str


def find_problem(right: Right) -> tuple[str, str] | None:
    """Return the field that makes a right useless, and why; None if there is none."""
    if right.act not in ACTS:
        return "act", f"There is no right to {right.act!r}. Known: {', '.join(ACTS)}."
    if right.kind != ALL and registry.find_kind(right.kind) is None:
        known = ", ".join(sorted(kind.name for kind in registry.all_kinds()))
        return "kind", f"There is no job kind {right.kind!r}. Known: {ALL}, {known}."
    if right.targets in {"", GROUP, LABEL}:
        return "targets", f"Write a target's name, {GROUP}<name>, {LABEL}<name>=<value> or {ALL}."
    if words := hidden_words(right.targets):
        return "targets", words
    longest = Right._meta.get_field("targets").max_length or 0
    if len(right.targets) > longest:
        return "targets", f"It has more than {longest} characters."
    return None


def grant_right(team: Team, act: str, kind: str, targets: str) -> tuple[Right, bool]:
    """Give a team a right; return it and whether it is new. Raises BadRequest if it is useless."""
    wanted = Right(team=team, act=act, kind=kind, targets=targets)
    if problem := find_problem(wanted):
        raise BadRequest(problem[1])
    return Right.objects.get_or_create(team=team, act=act, kind=kind, targets=targets)


def revoke_right(team: Team, act: str, kind: str, targets: str) -> None:
    """Take a right from a team. Raises NotFound if it has none in these very words."""
    found = Right.objects.filter(team=team, act=act, kind=kind, targets=targets).first()
    if found is None:
        raise NotFound(f"The team {team.name} has no right to {_words(act, kind, targets)}.")
    found.delete()


def count_targets(right: Right) -> int:
    """Return how many targets of the inventory a right reaches now."""
    rows = Target.objects.all()
    if right.targets != ALL:
        rows = rows.filter(matching_query([right.targets]))
    return rows.count()


def explain_rights(user: User, kind: str, target: str) -> list[Verdict]:
    """Return for each act whether somebody may do it to jobs of this kind on this target, and why.

    Says nothing of a single job: that its team decides who steers it, and a gate who answers.
    """
    principal = visibility.of_user(user)
    return [_explain_act(principal, act, kind, target) for act in ACTS]


def _explain_act(principal: Principal, act: str, kind: str, target: str) -> Verdict:
    if why := _role_refusal(principal, act, kind):
        return Verdict(act, False, why)
    if principal.user.is_staff:
        return Verdict(act, True, "staff may do everything")
    if not are_granted():
        return Verdict(act, True, "REPRISE_RIGHTS is open, so roles alone decide")
    if principal.rights.missing(act, kind, [target]) or not principal.rights.allows(act, kind):
        return Verdict(act, False, _missing_words(principal, act, kind, target))
    rows = Right.objects.filter(team__in=principal.team_ids).select_related("team")
    allowing = [str(row) for row in rows if _is_enough(row, act, kind, target)]
    return Verdict(act, True, "; ".join(allowing))


def _is_enough(right: Right, act: str, kind: str, target: str) -> bool:
    """Return whether one right alone allows an act."""
    fits_act = right.act == act or act == SEE
    if not fits_act or right.kind not in (ALL, kind):
        return False
    if right.targets in (ALL, target):
        return True
    return Target.objects.filter(matching_query([right.targets]), name=target).exists()


def _role_refusal(principal: Principal, act: str, kind: str) -> str | None:
    found, name = registry.find_kind(kind), principal.user.get_username()
    needed = {SEE: ("view_job",), RUN: ("submit_job",), APPROVE: ("steer_job", "submit_job")}[act]
    if not principal.user.is_active:
        return f"{name} is disabled"
    for permission in needed:
        if not principal.has(permission):
            return f"no role of {name} has the permission {permission}"
    if act != SEE and found is not None and not visibility.role_opens(principal, found):
        return f"no role of {name} lets them submit jobs of the kind {kind}"
    return None


def _missing_words(principal: Principal, act: str, kind: str, target: str) -> str:
    """Return what somebody's teams lack, and the rights any of which would be enough."""
    teams = Team.objects.filter(pk__in=principal.team_ids).order_by("name")
    names = ", ".join(team.name for team in teams)
    whose = f"none of their teams ({names})" if names else "they are in no team, which"
    choosing = [target]
    if row := Target.objects.filter(name=target).first():
        choosing += [f"{GROUP}{row.group}"] if row.group else []
        choosing += [f"{LABEL}{name}={value}" for name, value in sorted(row.labels.items())]
    return f"{whose} has a right to {act} {kind} on any of: {', '.join([*choosing, ALL])}"


def _words(act: str, kind: str, targets: str) -> str:
    return Right(act=act, kind=kind, targets=targets).words
