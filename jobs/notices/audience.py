"""Which jobs a subscriber may hear of: asked when a notice is made, and again when it is sent."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User

from jobs.access import visibility
from jobs.access.visible_set import Visibility
from jobs.models import Job, Subscription
from jobs.system_log.stream import KIND as SYSTEM


@dataclass(frozen=True, slots=True)
class Audience:
    """Who a subscription is for, as of now: a person with what they see, or a team."""

    seen: Visibility
    team: int | None = None

    def sees(self, job: Job) -> bool:
        """Return whether they may hear of a job: a team of its own, people of what they see."""
        if job.kind == SYSTEM:
            return False
        if self.team is not None:
            return job.team_id == self.team
        return self.seen.has(job.owner_id, job.team_id, job.kind)


def audience_of(one: Subscription) -> Audience:
    """Return who a subscription, read with its user, is for; nobody sees nothing."""
    if one.team_id is not None:
        return Audience(Visibility(), one.team_id)
    user = one.user
    if user is None or not user.is_active:
        return Audience(Visibility())
    return Audience(visibility.of_user(user).visibility)


def mail_addresses(one: Subscription) -> list[str]:
    """Return where a subscription's mail goes: to the person, or to all of the team who see jobs.

    It is the address at their account, so that nobody has mail sent to somebody else.
    """
    if one.team is not None:
        members = one.team.members.filter(is_active=True).exclude(email="").order_by("pk")
        return [user.email for user in members if _sees_jobs(user)]
    return [one.user.email] if one.user is not None and one.user.email else []


def _sees_jobs(user: User) -> bool:
    return visibility.of_user(user).has("view_job")
