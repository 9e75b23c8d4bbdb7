"""Jobs whose team may no longer run them: they fail as a worker takes them, before the first step.

Rights may have shrunk since the submission. A run that has begun goes on: to end it between two
targets, or to leave undone what it has to put back, would hurt more than to let it come to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from jobs import log
from jobs.access.rights import RUN, Rights, are_granted, rights_of_teams, targets_of
from jobs.events import EventType, NewEvent
from jobs.events.fold import CANCELLING, WAITING
from jobs.kinds.batches import names_in_words
from jobs.log.state import state_at
from jobs.models import Job
from jobs.run.gates import START_GATE


def fail_without_rights(fences: Mapping[UUID, int], worker: str) -> set[UUID]:
    """Fail those of some jobs, which have just been seized, that may not start; return their ids.

    Must run in the transaction that has seized them. The sweep releases their claims.
    """
    if not are_granted() or not fences:
        return set()
    jobs = Job.objects.filter(pk__in=fences).select_related("owner", "team")
    starting = [job for job in jobs if not _is_exempt(job)]
    rights = rights_of_teams(job.team_id for job in starting if job.team_id)
    lost = {job.pk: why for job in starting if (why := _find_loss(rights, job))}
    for job in starting:
        if job.pk in lost:
            _fail_job(job, fences[job.pk], worker, lost[job.pk])
    return set(lost)


def _is_exempt(job: Job) -> bool:
    """Return whether a job needs no rights: one of staff's, one that stops, one that has begun."""
    if job.status == CANCELLING or (job.owner and job.owner.is_staff):
        return True
    if not job.attempt:
        return False
    return any(step.step != START_GATE for step in state_at(job.pk).steps.values())


def _find_loss(rights: Rights, job: Job) -> str | None:
    """Return why a job may not start; None if it may."""
    if job.team is None:
        return f"It belongs to no team, so nobody has the right to run {job.kind} for it."
    if not rights.allows(RUN, job.kind, job.team.pk):
        return f"Its team, {job.team.name}, may no longer run jobs of the kind {job.kind}."
    missing = rights.missing(RUN, job.kind, targets_of(job), job.team.pk)
    words = names_in_words(missing)
    return (
        f"Its team, {job.team.name}, may no longer run {job.kind} on {words}." if missing else None
    )


def _fail_job(job: Job, fence: int, worker: str, why: str) -> None:
    if job.status == WAITING:  # it fails from an attempt only
        started = NewEvent(EventType.ATTEMPT_STARTED, {"worker": worker})
        log.append(job.pk, [started], actor=f"worker:{worker}", fence=fence)
    failed = NewEvent(EventType.JOB_FAILED, {"message": why})
    log.append(job.pk, [failed], actor="system", fence=fence)
