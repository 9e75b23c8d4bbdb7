"""Makes users, teams and jobs with events."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import Group, User

from core.ids import uuid7, uuid7_floor
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.log import restore
from jobs.models import Job, Team
from jobs.system_log import unrecorded

ATTEMPT = NewEvent(EventType.ATTEMPT_STARTED, {"worker": "test/1"})


@unrecorded()
def make_team(name: str = "Game operations") -> Team:
    """Return the team of this name, made if there is none."""
    team, _made = Team.objects.get_or_create(slug=name.lower().replace(" ", "-"), name=name)
    return team


@unrecorded()
def make_user(
    name: str = "operator", role: str = "operator", team: Team | None = None, *, staff: bool = False
) -> User:
    """Return a new user with a role and, where given, in a team; the password is `secret`."""
    user = User.objects.create_user(name, password="secret", is_staff=staff)
    if role:
        user.groups.add(Group.objects.get(name=role))
    if team:
        team.members.add(user)
    return user


def make_job(owner: User | None = None, events: Sequence[NewEvent] = (), **fields: object) -> Job:
    """Return a job whose log begins with job.submitted and goes on with `events`."""
    values: dict[str, object] = {
        "id": uuid7(),
        "kind": "load",
        "title": "A job",
        "params": {},
        "plan": {"steps": [], "groups": [], "words": ""},
        "submitted_by": f"user:{owner.get_username()}" if owner else "system",
        "owner": owner,
        "head_hash": b"",
    }
    job = Job.objects.create(**(values | fields))
    members = ("kind", "title", "params", "labels", "plan")
    team = job.team.slug if job.team else None
    data = {name: getattr(job, name) for name in members} | {"total": 0, "team": team}
    submitted = NewEvent(EventType.JOB_SUBMITTED, data)
    log.append(job.pk, [submitted, *events], actor=job.submitted_by)
    job.refresh_from_db()
    return job


def output(text: str, step: str = "fetch", target: str | None = "gs-001") -> NewEvent:
    """Return an event of a step's output."""
    return NewEvent(EventType.STEP_OUTPUT, {"text": text, "stream": "out"}, step, target)


def id_in(month: datetime, days: float = 10) -> UUID:
    """Return a job's id made so many days into a month, whose partition is made if need be."""
    restore.make_month(month)
    floor = uuid7_floor(month + timedelta(days=days)).int
    return UUID(int=floor | 0x7 << 76 | 0b10 << 62 | secrets.randbits(62))
