"""What a token may do of what its user may: scopes, and optionally one kind and one team.

A scope only ever takes away. `jobs.access.visibility` asks it beside the user's rights, so that
whatever is done with a token goes through it. A session, and what the system does by itself, has
`FULL`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import Forbidden, InvalidParams
from jobs.models import ALL_SCOPES, ApiToken

READ, SUBMIT, STEER, ADMIN = ALL_SCOPES
# Of each permission that a role may have. Any other one is for administrators.
_OF_PERMISSION = {
    "view_job": READ,
    "view_all_jobs": READ,
    "submit_job": SUBMIT,
    "run_command": SUBMIT,
    "steer_job": STEER,
}


@dataclass(frozen=True, slots=True)
class TokenScope:
    """The `acts` (`read`, `submit`, `steer`, `admin`) that are let through.

    With `kind`, only for jobs of that kind; with `team` (an id), only for that team's.
    """

    acts: frozenset[str] = frozenset(ALL_SCOPES)
    kind: str | None = None
    team: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether it is for some jobs only."""
        return self.kind is not None or self.team is not None

    def allows(self, permission: str) -> bool:
        """Return whether a permission of this app counts (`submit_job`)."""
        return _OF_PERMISSION.get(permission, ADMIN) in self.acts

    def covers(self, kind: str, team: int | None) -> bool:
        """Return whether jobs of this kind and team are among those that it is for."""
        return self.covers_kind(kind) and self.team in (None, team)

    def covers_kind(self, kind: str) -> bool:
        """Return whether some jobs of this kind are."""
        return self.kind in (None, kind)

    def require(self, act: str) -> None:
        """Raise Forbidden, saying what is missing, unless it has `act`."""
        if act not in self.acts:
            raise Forbidden(f"This token lacks the scope {act}.", missing_scope=act)

    def require_kind(self, kind: str) -> None:
        """Raise Forbidden for a kind that it is not for."""
        if not self.covers_kind(kind):
            raise Forbidden(f"This token is only for jobs of the kind {self.kind}.")

    def require_unlimited(self) -> None:
        """Raise Forbidden if it is for some jobs only: what is asked for concerns all."""
        if self.is_limited:
            raise Forbidden("This token is only for the jobs of one kind or team.")


FULL = TokenScope()


def scope_of(token: ApiToken) -> TokenScope:
    """Return what a token lets through."""
    return TokenScope(frozenset(token.scopes.split()), token.kind or None, token.team_id)


def join_scopes(names: Iterable[str] | None, *, limited: bool) -> str:
    """Return scopes as they are stored, in their usual order; `limited` to a kind or a team.

    None is all that there can be. Raises InvalidParams, pointing at `/scopes`.
    """
    chosen = set(ALL_SCOPES) - ({ADMIN} if limited else set()) if names is None else set(names)
    known = ", ".join(ALL_SCOPES)
    if unknown := sorted(chosen - set(ALL_SCOPES)):
        _refuse(f"There is no scope {unknown[0]!r}. The scopes are: {known}.")
    if not chosen:
        _refuse(f"Choose at least one of: {known}.")
    if limited and ADMIN in chosen:
        _refuse("A token for one kind or team cannot have the scope admin, which concerns all.")
    return " ".join(name for name in ALL_SCOPES if name in chosen)


def _refuse(detail: str) -> None:
    raise InvalidParams([{"pointer": "/scopes", "detail": detail}])
