"""Whether those who were let in may still read: asked for many at once.

As many queries for ten thousand followers as for one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from core.errors import Forbidden, HistoryDiverged, NotFound, NotSignedIn, RepriseError
from jobs.access import session_rules
from jobs.access.scopes import FULL, TokenScope, scope_of
from jobs.access.sessions import is_session_of, load_sessions
from jobs.access.visibility import Principal
from jobs.access.visible_set import Visibility
from jobs.models import ApiToken, Job, Team

Asked = Sequence[tuple[Principal, UUID | None]]


def find_refusals(asked: Asked) -> list[RepriseError | None]:
    """Return for each principal whether they may still follow that job (None: the feed of all).

    None if they may. NotSignedIn if the session or the token has ended, SecondFactorRequired if
    the session lacks one that its user must have by now, NotFound if the
    job is gone, Forbidden if it, or every job, is no longer theirs to see; HistoryDiverged where
    of the feed they would see other jobs now than when they came.
    """
    now = _Now(asked)
    return [now.refusal(principal, job) for principal, job in asked]


class _Now:
    """What the database says of everybody who is asked about."""

    def __init__(self, asked: Asked) -> None:
        principals = [principal for principal, _ in asked]
        ids = {principal.user.pk for principal in principals}
        self._users = User.objects.filter(is_active=True).in_bulk(ids)
        self._tokens = _valid_tokens({one.token for one in principals if one.token is not None})
        self._sessions = load_sessions(
            {one.session for one in principals if one.session is not None}
        )
        self._session_refusals = self._look_at_sessions(principals)
        self._viewers = _users_with("view_job", ids)
        self._all_seeing = _users_with("view_all_jobs", ids)
        self._teams = set(
            Team.members.through.objects.filter(user_id__in=ids).values_list("user_id", "team_id")
        )
        jobs = Job.objects.filter(pk__in={job for _, job in asked if job is not None})
        self._jobs = {
            pk: (owner, team, kind)
            for pk, owner, team, kind in jobs.values_list("pk", "owner_id", "team_id", "kind")
        }

    def refusal(self, principal: Principal, job: UUID | None) -> RepriseError | None:
        """Return why this one may not follow any longer; None if they may."""
        user = self._users.get(principal.user.pk)
        if user is None or not self._signed_in(principal, user):
            return NotSignedIn("The session or the token has ended.")
        if refused := self._session_refusals.get(principal.session or ""):
            return refused
        sight = self._visibility_of(user).narrow(self._scope_of(principal))
        if job is None:
            return self._refusal_of_all(principal, sight)
        if job not in self._jobs:
            return NotFound()
        if sight.has(*self._jobs[job]):
            return None
        return Forbidden("You no longer have access to this job.")

    def _look_at_sessions(self, principals: Sequence[Principal]) -> dict[str, RepriseError]:
        """Return why sessions do not let their users in, by the session."""
        asked = {
            one.session: (self._sessions[one.session], self._users[one.user.pk])
            for one in principals
            if one.session in self._sessions and one.user.pk in self._users
        }
        refusals = zip(asked, session_rules.find_refusals(asked.values()), strict=True)
        return {str(key): error for key, error in refusals if error is not None}

    def _refusal_of_all(self, principal: Principal, sight: Visibility) -> RepriseError | None:
        if sight == Visibility():
            return Forbidden("You may no longer see jobs.")
        if sight != principal.visibility:
            return HistoryDiverged("The jobs you may see have changed. Start again from 0.")
        return None

    def _visibility_of(self, user: User) -> Visibility:
        if user.is_staff or user.pk in self._all_seeing:
            return Visibility(everything=True)
        if user.pk not in self._viewers:
            return Visibility()
        teams = frozenset(team for member, team in self._teams if member == user.pk)
        return Visibility(user=user.pk, teams=teams)

    def _scope_of(self, principal: Principal) -> TokenScope:
        return FULL if principal.token is None else self._tokens[principal.token]

    def _signed_in(self, principal: Principal, user: User) -> bool:
        if principal.token is not None:
            return principal.token in self._tokens
        return is_session_of(self._sessions.get(principal.session or "", {}), user)


def _valid_tokens(ids: Collection[int]) -> dict[int, TokenScope]:
    """Return the scopes of those that are valid now, by their ids."""
    fresh = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    found = ApiToken.objects.filter(fresh, pk__in=ids, revoked_at=None)
    return {token.pk: scope_of(token) for token in found}


def _users_with(permission: str, ids: Collection[int]) -> set[int]:
    found = User.objects.with_perm(f"jobs.{permission}").filter(pk__in=ids)
    return set(found.values_list("pk", flat=True))
