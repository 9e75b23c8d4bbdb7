"""Who may use a credential: jobs of its teams, and jobs of staff. Who may manage one.

To use is not to see: nobody reads a value back. A job's team is that which it got when it was
submitted; the right is looked at then, and again whenever a step of the job is about to begin.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from core import clock
from core.errors import Forbidden, InvalidParams, NotFound, RepriseError
from jobs.access import visibility
from jobs.access.scopes import ADMIN
from jobs.access.visibility import Principal
from jobs.models import Credential, Job, Target, Team
from jobs.system_log.stream import record_upkeep

MANAGE = "manage_credential"
# Of targets of this transport, this variable names a credential.
TRANSPORT, VARIABLE = "ssh", "credential"
MAX_ERRORS = 20
Named = Sequence[tuple[str, str]]


class CredentialRefused(RepriseError):
    """There is no such credential that this job may use."""

    code = "credential_refused"


def usable_credentials(team: Team | None, owner: User | None) -> QuerySet[Credential]:
    """Return the credentials that a job of this team and owner may use: the one rule of all."""
    if owner is not None and owner.is_staff and owner.is_active:
        return Credential.objects.all()
    if team is None:
        return Credential.objects.none()
    mine = Credential.objects.filter(Q(team=team) | Q(users=team))
    return Credential.objects.filter(pk__in=mine.values("pk"))


def offered_credentials(principal: Principal) -> QuerySet[Credential]:
    """Return what a job may use that the principal submits now."""
    return usable_credentials(visibility.team_for(principal), principal.user)


def require_usable(
    team: Team | None, owner: User | None, named: Named, targets: Collection[str] = ()
) -> None:
    """Raise InvalidParams unless a job of this team and owner may use all that it names.

    `named` are JSON pointers and names; `targets` are looked up for what their variables name.
    """
    wanted = [(pointer, name, "") for pointer, name in named]
    for target, name in _named_by_targets(targets):
        wanted.append(("", name, f"The target {target}: "))
    if not wanted:
        return
    usable = usable_credentials(team, owner).filter(name__in={name for _, name, _ in wanted})
    known = set(usable.values_list("name", flat=True))
    errors = [
        {"pointer": pointer, "detail": f"{whose}{_refusal(name, team)}"}
        for pointer, name, whose in wanted
        if name not in known
    ]
    if errors:
        raise InvalidParams(errors[:MAX_ERRORS])


def _named_by_targets(targets: Collection[str]) -> list[tuple[str, str]]:
    """Return the targets that take a credential, each with its name."""
    if not targets:
        return []
    found = Target.objects.filter(
        name__in=targets, transport=TRANSPORT, variables__has_key=VARIABLE
    ).order_by("name")
    return [(one.name, str(one.variables[VARIABLE])) for one in found]


def lend_credentials(
    job_id: UUID, names: Iterable[str], unnoted: Collection[str]
) -> list[Credential]:
    """Return the credentials that a running job may use; CredentialRefused at one that it may not.

    The use of those in `unnoted` is noted, at the credential and in the system's log.
    """
    job = Job.objects.select_related("team", "owner").get(pk=job_id)
    wanted = sorted(set(names))
    found = {
        one.name: one for one in usable_credentials(job.team, job.owner).filter(name__in=wanted)
    }
    for name in wanted:
        if name not in found:
            words = f"Job {job.pk} of {job.submitted_by} was refused the credential {name[:100]}."
            record_upkeep("credentials", words)
            raise CredentialRefused(_refusal(name, job.team))
    for name in unnoted:
        _note_use(found[name], job)
    return list(found.values())


def visible_credentials(principal: Principal) -> QuerySet[Credential]:
    """Return those that somebody sees in a list, without their values: may use, or may manage."""
    if not (principal.has("submit_job") or principal.has(MANAGE)):
        return Credential.objects.none()
    visible = Q(pk__in=managed_credentials(principal).values("pk"))
    if principal.has("submit_job"):
        visible |= Q(pk__in=offered_credentials(principal).values("pk"))
    return Credential.objects.filter(visible)


def managed_credentials(principal: Principal) -> QuerySet[Credential]:
    """Return those that somebody may change and remove: their teams', by permission; staff, all."""
    if not principal.has(MANAGE):
        return Credential.objects.none()
    if principal.user.is_staff:
        return Credential.objects.all()
    return Credential.objects.filter(team__in=principal.team_ids)


def require_managed(principal: Principal, name: str) -> Credential:
    """Return a credential that somebody may change. Raises NotFound, Forbidden."""
    found = visible_credentials(principal).filter(name=name).first()
    if found is None:
        raise NotFound
    principal.scope.require(ADMIN)
    if not managed_credentials(principal).filter(pk=found.pk).exists():
        raise Forbidden("You may use this credential, but not manage it.")
    return found


def managed_credential(principal: Principal, name: str) -> Credential:
    """Return one to change, locked for the transaction. Raises NotFound, Forbidden."""
    found = require_managed(principal, name)
    return Credential.objects.select_for_update(of=("self",)).get(pk=found.pk)


def require_manage(principal: Principal, team: Team | None, *, from_store: bool) -> None:
    """Raise Forbidden unless the principal may make a credential that this team owns.

    The installation's own, and those of outside stores, are for staff: a worker reads there with
    the installation's rights, whichever team's path it is.
    """
    principal.scope.require(ADMIN)
    if principal.user.is_staff:
        return
    if not principal.has(MANAGE):
        raise Forbidden("Your role does not let you manage credentials.")
    if team is None or team.pk not in principal.team_ids:
        raise Forbidden("You may manage the credentials of your own teams only.")
    if from_store:
        raise Forbidden("Only staff may say what is read from an outside store.")


def _note_use(credential: Credential, job: Job) -> None:
    """Note a job's use, once in a row: in the system's log, and at the credential."""
    with transaction.atomic():
        fresh = Credential.objects.filter(pk=credential.pk).exclude(last_used_by=job)
        if fresh.update(last_used_at=clock.now(), last_used_by=job):
            words = f"Job {job.pk} of {job.submitted_by} used the credential {credential.name}."
            record_upkeep("credentials", words)


def _refusal(name: str, team: Team | None) -> str:
    """Return the same words for a name that is unknown, and for another team's."""
    if team is None:
        return f"There is no credential {name} that a job without a team may use."
    return f"There is no credential {name} that jobs of the team {team.slug} may use."
