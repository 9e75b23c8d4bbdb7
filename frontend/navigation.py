"""The pages that the bar leads to, each for those who may open it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs.access.credentials import MANAGE
from jobs.access.visibility import Principal
from jobs.commands.people import may_manage_people


@dataclass(frozen=True, slots=True)
class Place:
    """A page: where it is, what it is called and who may open it.

    `group` is "main" (always in the bar), "more" (there where it has room) or "admin" (in a menu).
    """

    address: str
    title: str
    group: str
    is_open: Callable[[Principal], bool]


def _anybody(_principal: Principal) -> bool:
    return True


def _sees_jobs(principal: Principal) -> bool:
    return principal.has("view_job")


def _is_staff(principal: Principal) -> bool:
    return principal.user.is_staff


def _has_credentials(principal: Principal) -> bool:
    return principal.has("submit_job") or principal.has(MANAGE)


def _sees_system(principal: Principal) -> bool:
    return principal.visibility.everything


def _is_superuser(principal: Principal) -> bool:
    return principal.user.is_staff and principal.user.is_superuser


PLACES = (
    Place("/", "Jobs", "main", _anybody),
    Place("/history", "History", "main", _anybody),
    Place("/targets", "Targets", "more", _sees_jobs),
    Place("/schedules", "Schedules", "more", _is_staff),
    Place("/people", "People", "admin", may_manage_people),
    Place("/teams", "Teams and rights", "admin", _is_staff),
    Place("/credentials", "Credentials", "admin", _has_credentials),
    Place("/webhooks", "Webhooks and notices", "admin", _is_staff),
    Place("/history?kind=system", "System log", "admin", _sees_system),
    Place("/admin/", "Database", "admin", _is_superuser),
)


def places_for(principal: Principal) -> list[Place]:
    """Return the pages that somebody may open, in the order of the bar."""
    return [place for place in PLACES if place.is_open(principal)]
