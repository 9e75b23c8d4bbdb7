"""Which jobs somebody may see, as a value that SQL and Python read alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet

from jobs.access.scopes import FULL, READ, TokenScope
from jobs.models import Job


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which jobs somebody may see, as a value: `everything`, or those of a user and of teams.

    Of these, only those that the `scope` covers. What `select` asks the database and what `has`
    says of one job are the same.
    """

    everything: bool = False
    user: int | None = None
    teams: frozenset[int] = frozenset()
    scope: TokenScope = FULL

    def has(self, owner: int | None, team: int | None, kind: str) -> bool:
        """Return whether a job with this owner, team and kind is one of them."""
        if not self.scope.covers(kind, team):
            return False
        mine = self.user is not None and owner == self.user
        return self.everything or mine or team in self.teams

    def select(self, jobs: QuerySet[Job]) -> QuerySet[Job]:
        """Return those of the jobs that are."""
        if self.scope.kind is not None:
            jobs = jobs.filter(kind=self.scope.kind)
        if self.scope.team is not None:
            jobs = jobs.filter(team=self.scope.team)
        if self.everything:
            return jobs
        if self.user is None:
            return jobs.none()
        return jobs.filter(Q(owner=self.user) | Q(team__in=self.teams))

    def narrow(self, scope: TokenScope) -> Visibility:
        """Return what of it a token with this scope reads: nothing without `read`."""
        readable = READ in scope.acts and self != Visibility()
        limits = TokenScope(kind=scope.kind, team=scope.team)
        return replace(self, scope=limits) if readable else Visibility()

    @property
    def is_unlimited(self) -> bool:
        """Whether every job there is is one of them."""
        return self.everything and not self.scope.is_limited
