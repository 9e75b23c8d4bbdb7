"""What somebody's groups at the provider let them do here: roles, teams, and being staff.

Only what a mapping (REPRISE_OIDC_GROUPS) names is given and withdrawn; all else that somebody has
stays. A change is saved like any other, so that the system's log has it and open streams hear of
it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction

from core.sign_in_settings import STAFF, TEAM, Groups
from jobs.access.sso.provider import Claims
from jobs.models import Team
from jobs.system_log import acting_as

logger = logging.getLogger(__name__)

ACTOR = "system:single-sign-on"
MAX_GROUPS = 10_000


@dataclass(frozen=True, slots=True)
class Rights:
    """Roles and teams by name and slug, and whether somebody is staff."""

    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    staff: bool = False

    @classmethod
    def of(cls, gifts: Iterable[str]) -> Rights:
        """Return what words of REPRISE_OIDC_GROUPS stand for."""
        words = frozenset(gifts)
        teams = frozenset(word.removeprefix(TEAM) for word in words if word.startswith(TEAM))
        roles = frozenset(word for word in words if not word.startswith(TEAM)) - {STAFF}
        return cls(roles, teams, STAFF in words)

    def __bool__(self) -> bool:
        return self != Rights()


def groups_in(claims: Claims) -> frozenset[str]:
    """Return the names of groups in claims; none where the claim is no list of texts.

    A single text is one group, as some providers write it. Of an endless list nothing counts.
    """
    found = claims.get(settings.REPRISE.oidc_groups_claim)
    if isinstance(found, str):
        return frozenset({found})
    if not isinstance(found, list) or len(found) > MAX_GROUPS:
        return frozenset()
    return frozenset(one for one in found if isinstance(one, str))


def rights_from(claims: Claims) -> Rights:
    """Return what the groups in claims give."""
    mapping = settings.REPRISE.oidc_groups
    return Rights.of(gift for group in groups_in(claims) for gift in mapping.get(group, ()))


@transaction.atomic
def apply_rights(
    user: User, wanted: Rights, groups: Groups | None = None, actor: str = ACTOR
) -> None:
    """Give and withdraw what `groups` manage, until a user has just `wanted` of it.

    Without `groups`, those of REPRISE_OIDC_GROUPS.
    """
    groups = settings.REPRISE.oidc_groups if groups is None else groups
    managed = Rights.of(gift for gifts in groups.values() for gift in gifts)
    found = User.objects.select_for_update().filter(pk=user.pk).first()
    if found is None:  # deleted meanwhile
        return
    user = found
    with acting_as(actor):
        _apply_roles(user, wanted.roles, managed.roles)
        _apply_teams(user, wanted.teams, managed.teams)
        if managed.staff and user.is_staff != wanted.staff:
            user.is_staff = wanted.staff
            user.save(update_fields=["is_staff"])


def _apply_roles(user: User, wanted: frozenset[str], managed: frozenset[str]) -> None:
    has = set(user.groups.filter(name__in=managed).values_list("name", flat=True))
    if gained := wanted - has:
        user.groups.add(*Group.objects.filter(name__in=gained))
    if lost := has - wanted:
        user.groups.remove(*Group.objects.filter(name__in=lost))


def _apply_teams(user: User, wanted: frozenset[str], managed: frozenset[str]) -> None:
    teams = {team.slug: team for team in Team.objects.filter(slug__in=managed)}
    for slug in sorted(wanted - teams.keys()):
        logger.warning("there is no team %s, which a group is to give", slug,
                       extra={"action": "single_sign_on"})  # fmt: skip
    mine = Team.objects.filter(members=user, slug__in=managed)
    has = set(mine.values_list("slug", flat=True))
    for slug in sorted((wanted & teams.keys()) ^ has):
        members = teams[slug].members
        (members.add if slug in wanted else members.remove)(user)
