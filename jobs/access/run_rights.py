"""Whether somebody may run a job: its kind, on all of its targets, for one of their teams.

A job belongs to one team, whose members see it and steer it. So it gets the first of its
submitter's teams, by name, that may run it on every target: none sees or pauses what it may not
touch. While a kind's code works on a request, the targets that the asker may not see are not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.models import Q

from core.errors import Forbidden, InvalidParams
from core.records.pointers import join_pointer
from jobs.access import visibility
from jobs.access.rights import RUN, SEE, are_granted, rights_of_teams, targets_of
from jobs.access.visibility import Principal
from jobs.kinds import registry
from jobs.kinds.batches import names_in_words
from jobs.kinds.kind import AnyKind
from jobs.models import ALL, Job, Team, target_scope
from jobs.targets.selectors import matching_query


def known_kinds(principal: Principal) -> list[AnyKind]:
    """Return the kinds that somebody may know of, in their order; all, if they see every job."""
    all_kinds = registry.all_kinds()
    if principal.rights.unlimited or principal.visibility.everything:
        return all_kinds
    return [kind for kind in all_kinds if principal.rights.allows(SEE, kind.name)]


def listed_kinds(principal: Principal) -> list[AnyKind]:
    """Return those that somebody's role lets them submit, none where it lets them submit none."""
    if not principal.has("submit_job"):
        return []
    known = known_kinds(principal)
    return [kind for kind in known if visibility.role_opens(principal, kind)]


def kind_to_run(principal: Principal, name: str) -> AnyKind:
    """Return the kind of this name, which the principal may run on some targets or none.

    InvalidParams if there is none that they may see, Forbidden if they may not run it.
    """
    visibility.require_act(principal, "submit")
    principal.scope.require_kind(name)
    known = {kind.name: kind for kind in known_kinds(principal)}
    if name not in known:
        raise registry.unknown_kind(name, known)
    visibility.require_open(principal, known[name])
    return known[name]


@contextmanager
def known_targets(principal: Principal, kind: str, team: int | None = None) -> Iterator[None]:
    """Let there be only the targets, for a kind's code, that somebody may see for this kind.

    Groups and labels stand for those of them that they, or that team of theirs, may run it on.
    """
    if principal.rights.unlimited:
        yield
        return
    rights = principal.rights
    seen, chosen = rights.selectors(SEE, kind), rights.selectors(RUN, kind, team)
    with target_scope(_query_of(seen), _query_of(chosen)):
        yield


def team_to_run(
    principal: Principal, kind: str, targets: Collection[str], params: Mapping[str, Any]
) -> Team | None:
    """Return the team that a job of this kind on these targets gets; None for no team.

    InvalidParams for a target that the submitter may not see, in the words for one that there is
    not; Forbidden for those that no team of theirs may run it on, or not one team all of them.
    """
    if not are_granted() or (principal.user.is_staff and principal.scope.team is not None):
        return visibility.team_for(principal)
    own = rights_of_teams(principal.team_ids) if principal.user.is_staff else principal.rights
    fitting = [team for team in own.teams(RUN, kind) if not own.missing(RUN, kind, targets, team)]
    found = Team.objects.filter(pk__in=fitting).order_by("name").first()
    if found is None and not principal.user.is_staff:
        raise _refusal(principal, kind, targets, params)
    return found


def require_team(
    principal: Principal, team: Team | None, kind: str, targets: Collection[str]
) -> None:
    """Raise Forbidden unless the principal may run, for this team, such a job on these targets."""
    rights = principal.rights
    if rights.unlimited:
        return
    if team is None or team.pk not in principal.team_ids:
        raise Forbidden("You may see this job, but only its team may run it again.")
    if not rights.allows(RUN, kind, team.pk):
        raise Forbidden(f"The team {team.name} may not run jobs of the kind {kind}.")
    if missing := rights.missing(RUN, kind, targets, team.pk):
        words = names_in_words(missing)
        raise Forbidden(f"The team {team.name} may not run {kind} on {words}.")


def require_repeat(principal: Principal, job: Job) -> None:
    """Raise Forbidden unless somebody may still run what they have submitted before."""
    rights = principal.rights
    if rights.unlimited:
        return
    kind, targets = job.kind, targets_of(job)
    fits = (not rights.missing(RUN, kind, targets, team) for team in rights.teams(RUN, kind))
    if not any(fits):
        raise Forbidden(f"No team of yours may run this job of the kind {job.kind} any longer.")


def refuse_for(principal: Principal, kind: str, targets: Collection[str]) -> str | None:
    """Return why somebody may not run such a job, None if they may: any one of their teams may."""
    rights = principal.rights
    if rights.unlimited:
        return None
    name = principal.user.get_username()
    if not rights.allows(RUN, kind):
        return f"No team of {name} may run jobs of the kind {kind}."
    missing = {team: rights.missing(RUN, kind, targets, team) for team in rights.teams(RUN, kind)}
    if not all(missing.values()):
        return None
    fewest = min(missing.values(), key=len)
    return f"No team of {name} may run {kind} on {names_in_words(fewest)}."


def _query_of(selectors: Collection[str]) -> Q:
    return Q() if ALL in selectors else matching_query(selectors)


def _refusal(
    principal: Principal, kind: str, targets: Collection[str], params: Mapping[str, Any]
) -> Forbidden | InvalidParams:
    """Return the error for a job that no team of somebody's may run on all of its targets."""
    rights = principal.rights
    if unseen := rights.missing(SEE, kind, targets):
        return InvalidParams(
            [_error_at(params, name, f"There is no target {name}.") for name in unseen]
        )
    if missing := rights.missing(RUN, kind, targets):
        message = f"No team of yours may run {kind} on {names_in_words(missing)}."
        return Forbidden(message, errors=[_error_at(params, name, message) for name in missing[:1]])
    each = {team: rights.missing(RUN, kind, targets, team) for team in rights.teams(RUN, kind)}
    teams = Team.objects.filter(pk__in=each).order_by("name")
    words = "; ".join(f"{team.name} not on {names_in_words(each[team.pk])}" for team in teams)
    return Forbidden(
        f"No one team of yours may run {kind} on all of these targets: {words}. Submit a job for"
        " each team."
    )


def _error_at(params: Mapping[str, Any], name: str, detail: str) -> dict[str, str]:
    """Return an error at the place where a list among the parameters names a target."""
    for member, value in params.items():
        if isinstance(value, list) and name in value:
            return {"pointer": join_pointer([member, value.index(name)]), "detail": detail}
    return {"pointer": "", "detail": detail}
