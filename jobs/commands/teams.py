"""Manage teams: who is in them, and what rights they have. For staff."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import ProtectedError

from core.errors import BadRequest, NotFound, NotNow
from jobs.access import grants, visibility
from jobs.access.visibility import Principal
from jobs.models import Right, Team


def find_team(principal: Principal, number: int) -> Team:
    """Return a team in order to change it. Raises Forbidden, NotFound."""
    visibility.require_staff(principal)
    found = Team.objects.filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such team.")
    return found


def save_team(principal: Principal, team: Team) -> None:
    """Add or change a team. Raises Forbidden."""
    visibility.require_staff(principal)
    team.save()


def delete_team(principal: Principal, number: int) -> Team:
    """Delete a team. Raises NotNow for one that has jobs or credentials: these belong to it."""
    team = find_team(principal, number)
    try:
        team.delete()
    except ProtectedError:
        raise NotNow(f"{team.name} has jobs or credentials, which belong to it.") from None
    return team


def add_member(principal: Principal, number: int, username: str) -> User:
    """Put somebody into a team. Raises BadRequest for a name that nobody has."""
    team = find_team(principal, number)
    found = User.objects.filter(username=username).first()
    if found is None:
        raise BadRequest(f"There is nobody called {username[:150]!r}.")
    team.members.add(found)
    return found


def remove_member(principal: Principal, number: int, person: int) -> User:
    """Take somebody out of a team."""
    team = find_team(principal, number)
    found: User | None = team.members.filter(pk=person).first()
    if found is None:
        raise NotFound("They are not in this team.")
    team.members.remove(found)
    return found


def give_right(principal: Principal, number: int, act: str, kind: str, targets: str) -> Right:
    """Give a team a right. Raises BadRequest if it would be of no use."""
    return grants.grant_right(find_team(principal, number), act, kind, targets)[0]


def take_right(principal: Principal, number: int, right: int) -> Right:
    """Take a right from a team."""
    team = find_team(principal, number)
    found: Right | None = Right.objects.filter(team=team, pk=right).first()
    if found is None:
        raise NotFound("The team has no such right.")
    found.delete()
    return found
