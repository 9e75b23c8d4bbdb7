"""Who asks, what they may see, what they may do.

**Signing in.** A session cookie or `Authorization: Bearer <token>`. Where the header is there it
alone decides: a bad token is refused, never replaced by the cookie, so a request counts as the
token's (and needs no CSRF token) or as the session's, not as something in between.

**Roles** are Django groups (`jobs.access.roles`): viewer, operator, auditor. Staff may do all.
Where REPRISE_RIGHTS asks for it, rights of teams narrow them to kinds and targets
(`jobs.access.rights`; `jobs.access.run_rights` says who may run what).

**A job's team** is its submitter's team at submission (`team_for`), the first by name if they are
in several. It stays when people move, so that a team keeps its history. Its members see the job;
those of them who are operators steer it. The submitter still sees a job after changing teams, and
steers it as an operator. A job without a team is its owner's alone, and of those who see all:
auditors and staff. So is the system's own log (`jobs.system_log`), which nobody steers and which
is in no list of jobs.

**A token** may do what its user may and its scopes let through (`jobs.access.scopes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from core.config_values import OTHERS
from core.errors import Forbidden, NotFound, NotSignedIn
from core.ids import parse_id
from core.sessions import hash_session_key
from jobs import log
from jobs.access import rights, scopes, session_rules, tokens
from jobs.access.rights import Rights
from jobs.access.scopes import FULL, TokenScope
from jobs.access.visible_set import Visibility
from jobs.events import actions, parse
from jobs.kinds import registry
from jobs.kinds.kind import AnyKind
from jobs.models import ApiToken, Job, Team
from jobs.system_log.stream import KIND as SYSTEM

Scope = Mapping[str, Any]

_PERMISSIONS = {"view": "view_job", "submit": "submit_job", "steer": "steer_job"}
_SCOPES = {"view": scopes.READ, "submit": scopes.SUBMIT, "steer": scopes.STEER}


@dataclass(frozen=True)
class Principal:
    """Somebody signed in: `actor` is what events call them.

    `user:<name>`, or `token:<user>/<token's name>`. `session` (the hash of its key) or `token` (an
    ApiToken's id) says by what; both are None for one that the system made. `scope` is the token's.
    """

    user: User
    actor: str
    session: str | None = None
    token: int | None = None
    scope: TokenScope = FULL

    @cached_property
    def team_ids(self) -> frozenset[int]:
        """The ids of the user's teams, as of the first look."""
        mine = Team.objects.filter(members=self.user).order_by("name")
        return frozenset(mine.values_list("pk", flat=True))

    @property
    def acting_team_ids(self) -> frozenset[int]:
        """The ids of those of the teams for which they act: a token may be for one of them."""
        only = self.scope.team
        return self.team_ids if only is None else self.team_ids & {only}

    @cached_property
    def rights(self) -> Rights:
        """What those teams may do with which kinds and targets, as of the first look."""
        if self.user.is_staff or not rights.are_granted():
            return rights.UNLIMITED
        return rights.rights_of_teams(self.acting_team_ids)

    @cached_property
    def visibility(self) -> Visibility:
        """Which jobs the principal may see, as of the first look."""
        return self.users_visibility.narrow(self.scope)

    @cached_property
    def users_visibility(self) -> Visibility:
        """Which jobs the user may see, whatever the token that they send, as of the first look."""
        if self._user_has("view_all_jobs"):
            return Visibility(everything=True)
        if not self._user_has("view_job"):
            return Visibility()
        return Visibility(user=self.user.pk, teams=self.team_ids)

    def has(self, permission: str) -> bool:
        """Return whether they have a permission of this app (`submit_job`).

        Staff have all. With a token, its scopes have to let it through, too.
        """
        return self.scope.allows(permission) and self._user_has(permission)

    def _user_has(self, permission: str) -> bool:
        return self.user.is_staff or self.user.has_perm(f"jobs.{permission}")


def authenticate(source: HttpRequest | Scope) -> Principal:
    """Return who sent a Django request, or opened a Channels scope (inside AuthMiddlewareStack).

    Raises NotSignedIn and SecondFactorRequired. Checks no CSRF token: `jobs.api.auth` does, for the
    session's requests.
    """
    raw = bearer_token(source)
    if raw is not None:
        return of_token(tokens.verify_token(raw))
    user, session = _session_of(source)
    if user is None or not user.is_authenticated or not user.is_active:
        raise NotSignedIn
    session_rules.require_session(session or {}, user)
    key = session.session_key if session is not None else None
    return of_user(user, session=hash_session_key(key) if key else None)


def bearer_token(source: HttpRequest | Scope) -> str | None:
    """Return the raw token of the `Authorization: Bearer` header; None if there is no such."""
    if isinstance(source, HttpRequest):
        header = source.headers.get("Authorization", "")
    else:
        found = [value for name, value in source["headers"] if name.lower() == b"authorization"]
        header = found[0].decode("latin-1") if found else ""
    scheme, _, raw = header.partition(" ")
    return raw.strip() if scheme.lower() == "bearer" else None


def of_user(user: User, *, session: str | None = None) -> Principal:
    """Return the principal that a signed-in user is."""
    return Principal(user, f"user:{user.get_username()}", session=session)


def of_token(token: ApiToken) -> Principal:
    """Return the principal that somebody with this token, which must be valid, is."""
    actor, scope = tokens.actor_of(token.user, token.name), scopes.scope_of(token)
    return Principal(token.user, actor, token=token.pk, scope=scope)


def visible_jobs(principal: Principal) -> QuerySet[Job]:
    """Return the jobs that the principal may see, newest first, each with its team."""
    return principal.visibility.select(Job.objects.select_related("team"))


def listed_jobs(principal: Principal) -> QuerySet[Job]:
    """Return those of them that are jobs, without the system's own log."""
    return visible_jobs(principal).exclude(kind=SYSTEM)


def job_for(principal: Principal, job_id: UUID | str, act: str = "view") -> Job:
    """Return the job, in order to `view` or `steer` it.

    Raises NotFound if it is unknown, not theirs to see, or the id is not valid; Forbidden for a
    token without the scope for the act.
    """
    return _get_job(_jobs_for(principal, act), job_id)


def lock_job_for(principal: Principal, job_id: UUID | str) -> Job:
    """Return the job in order to steer it, its row locked until the transaction ends."""
    jobs = _jobs_for(principal, "steer").select_for_update(no_key=True, of=("self",))
    return _get_job(jobs, job_id)


def _jobs_for(principal: Principal, act: str) -> QuerySet[Job]:
    """Return the jobs that the user may see and the token, which need not read, is for."""
    principal.scope.require(_SCOPES[act])
    as_reader = replace(principal.scope, acts=frozenset({scopes.READ}))
    sight = principal.users_visibility.narrow(as_reader)
    return sight.select(Job.objects.select_related("team"))


def _get_job(jobs: QuerySet[Job], job_id: UUID | str) -> Job:
    try:
        return jobs.get(pk=job_id if isinstance(job_id, UUID) else parse_id(job_id))
    except (ValueError, Job.DoesNotExist):
        raise NotFound from None


def require_act(principal: Principal, act: str, job: Job | None = None) -> None:
    """Raise Forbidden unless the principal may `view`, `submit` or `steer` (that job).

    Seeing all jobs is not steering all: an operator who is an auditor too steers their teams'.
    """
    principal.scope.require(_SCOPES[act])
    if not principal.has(_PERMISSIONS[act]):
        raise Forbidden(f"Your role does not let you {act} jobs.")
    if act == "steer" and job is not None and not _may_steer(principal, job):
        if job.kind != SYSTEM and job.team_id in principal.team_ids:
            raise Forbidden(f"The job's team may no longer run jobs of the kind {job.kind}.")
        raise Forbidden("You may see this job, but only its team may steer it.")


def require_staff(principal: Principal, scope: str = scopes.ADMIN) -> None:
    """Raise Forbidden unless it is staff, with a scope for all jobs."""
    if not principal.user.is_staff:
        raise Forbidden("Only staff may do that.")
    principal.scope.require(scope)
    principal.scope.require_unlimited()


def role_opens(principal: Principal, kind: AnyKind) -> bool:
    """Return whether the role of somebody, and their token, let them submit jobs of a kind."""
    if not principal.scope.covers_kind(kind.name):
        return False
    if principal.user.is_staff:
        return True
    return not kind.staff_only and (not kind.permission or principal.user.has_perm(kind.permission))


def is_open(principal: Principal, kind: AnyKind) -> bool:
    """Return whether the kind is one that this principal, where they submit at all, may submit."""
    return role_opens(principal, kind) and principal.rights.allows(rights.RUN, kind.name)


def require_open(principal: Principal, kind: AnyKind) -> None:
    """Raise Forbidden unless the principal may submit jobs, and jobs of this kind."""
    require_act(principal, "submit")
    principal.scope.require_kind(kind.name)
    if is_open(principal, kind):
        return
    if kind.staff_only:
        raise Forbidden(f"Only staff may submit jobs of the kind {kind.name}.")
    if role_opens(principal, kind):
        raise Forbidden(f"No team of yours may run jobs of the kind {kind.name}.")
    raise Forbidden(f"Your role does not let you submit jobs of the kind {kind.name}.")


def allowed_acts(principal: Principal, job: Job) -> list[str]:
    """Return the acts that the principal may do to the job and that its state allows now."""
    if not principal.has("steer_job") or not _may_steer(principal, job):
        return []
    return [
        act
        for act in actions.FROM
        if actions.is_possible(act, job.status, job.waiting_for)
        and _is_allowed_by(principal, act, job)
    ]


def require_answer(principal: Principal, job: Job, gate: actions.Gate) -> None:
    """Raise Forbidden, saying why, unless the principal may answer at a gate of the job.

    It takes the permission to steer the job and to submit its kind, and the right to approve it on
    its targets. Where the gate, REPRISE_APPROVALS or REPRISE_FOUR_EYES asks for somebody else than
    the submitter, a token counts as its owner, and who wrote or last changed a schedule counts as
    submitter of its jobs.
    """
    require_act(principal, "steer", job)
    kind = registry.find_kind(job.kind)
    if not (role_opens(principal, kind) if kind else principal.user.is_staff):
        raise Forbidden(f"Your role does not let you answer for jobs of the kind {job.kind}.")
    if why := rights.approval_refusal(principal.rights, job):
        raise Forbidden(why)
    if not (gate.get("not_by_submitter") or OTHERS in settings.REPRISE.approval_rules(job.kind)):
        return
    if job.owner_id == principal.user.pk:
        raise Forbidden("You submitted this job, so somebody else has to answer.")
    if of_user(principal.user).actor in _schedule_authors(job):
        raise Forbidden(
            "You wrote or changed the schedule of this job, so somebody else has to answer."
        )


def gate_refusals(principal: Principal, job: Job) -> dict[str, str]:
    """Return the gates open now at which the principal may not answer, each with why."""
    refused = {}
    for gate in actions.open_gates(job.waiting_for):
        try:
            require_answer(principal, job, gate)
        except Forbidden as error:
            refused[str(gate["gate"])] = error.message
    return refused


def team_for(principal: Principal) -> Team | None:
    """Return the team that a job gets which the principal submits now.

    Raises Forbidden for a token that is for a team in which its user is no longer.
    """
    mine, only = Team.objects.filter(members=principal.user), principal.scope.team
    if only is None:
        return mine.order_by("name").first()
    team = mine.filter(pk=only).first()
    if team is None:
        raise Forbidden("This token is for a team of which you are not a member.")
    return team


def _session_of(source: HttpRequest | Scope) -> tuple[Any, Any]:
    if isinstance(source, HttpRequest):
        return source.user, source.session
    return source.get("user"), source.get("session")


def _schedule_authors(job: Job) -> list[str]:
    """Return the actors who wrote the schedule that submitted a job, as its log names them."""
    if not job.submitted_by.startswith("schedule:"):
        return []
    submitted = parse(log.read(job.pk, 0, 1).texts[0])
    return list(submitted.data.get("authors", ()))


def _may_steer(principal: Principal, job: Job) -> bool:
    """Return whether somebody may steer the job if their role lets them steer at all.

    Where rights are asked for, it takes a place in the job's team, which must have the right to run
    its kind: who has left the team has left its targets.
    """
    if job.kind == SYSTEM or not principal.scope.covers(job.kind, job.team_id):
        return False
    of_team = job.team_id in principal.team_ids
    if principal.rights.unlimited:
        return principal.user.is_staff or of_team or job.owner_id == principal.user.pk
    return of_team and principal.rights.allows(rights.RUN, job.kind, job.team_id)


def _is_allowed_by(principal: Principal, act: str, job: Job) -> bool:
    """Return whether the job lets somebody who steers it do this act, which its status allows."""
    if act in actions.ANSWERS:
        return len(gate_refusals(principal, job)) < len(actions.open_gates(job.waiting_for))
    if act in {"retry", "fork"}:
        kind = registry.find_kind(job.kind)
        mine = principal.has("submit_job") and kind is not None and is_open(principal, kind)
        return mine and kind is not None and (act == "fork" or kind.retryable)
    return True
