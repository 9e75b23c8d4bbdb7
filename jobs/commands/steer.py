"""People steer a job: pause, resume, approve, reject. Each is one transaction and one event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction

from core.errors import Forbidden, NotNow
from jobs import log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.commands import with_reason
from jobs.events import EventType, NewEvent, actions
from jobs.models import Job
from jobs.queue import dispatch


def pause(principal: Principal, job_id: UUID, reason: str = "") -> log.Appended:
    """Pause a job; return the receipt of `job.paused`.

    A run finishes the steps in flight and begins no other; a job that has not begun stays where it
    is. Either keeps the targets that it has, or its place in their queues. Raises NotFound,
    Forbidden, NotNow (paused already, being stopped, over), BadRequest (the reason is too long).
    """
    with _steered(principal, job_id, "pause") as job:
        return _say(principal, job, EventType.JOB_PAUSED, reason)


def resume(principal: Principal, job_id: UUID, reason: str = "") -> log.Appended:
    """Let a paused job go on; return the receipt of `job.resumed`. Raises as `pause` does."""
    with _steered(principal, job_id, "resume") as job:
        said = _say(principal, job, EventType.JOB_RESUMED, reason)
        dispatch.deliver(job_id)
        return said


def approve(
    principal: Principal, job_id: UUID, reason: str = "", gate: str | None = None
) -> log.Appended:
    """Let a job through the gate that it waits at; return the receipt of `job.approved`.

    `gate` names the gate that is meant, and must where several are open. Raises NotFound,
    Forbidden (also for the submitter, where the gate is for somebody else), NotNow, BadRequest.
    """
    return _answer(principal, job_id, "approve", EventType.JOB_APPROVED, reason, gate)


def reject(
    principal: Principal, job_id: UUID, reason: str = "", gate: str | None = None
) -> log.Appended:
    """Refuse a job that waits at a gate, whose run then fails; otherwise as `approve`."""
    return _answer(principal, job_id, "reject", EventType.JOB_REJECTED, reason, gate)


def _answer(
    principal: Principal,
    job_id: UUID,
    act: str,
    event_type: EventType,
    reason: str,
    name: str | None,
) -> log.Appended:
    with _steered(principal, job_id, act) as job:
        gate = _gate(job, name)
        if visibility.needs_another(gate) and visibility.is_submitter(principal, job):
            raise Forbidden(f"You submitted this job, so somebody else has to {act} it.")
        said = _say(principal, job, event_type, reason, gate=gate["gate"])
        dispatch.deliver(job_id)
        return said


def _gate(job: Job, name: str | None) -> actions.Gate:
    """Return the open gate that is meant; NotNow where there is none, or more than one."""
    found = actions.gates(job.waiting_for)
    names = ", ".join(str(gate["gate"]) for gate in found)
    if not found:
        raise NotNow("The job waits at no gate.", job_status=job.status)
    if name is not None:
        found = [gate for gate in found if gate["gate"] == name]
        if not found:
            raise NotNow(f"The job does not wait at the gate {name}, but: {names}.")
    if len(found) > 1:
        raise NotNow(f"The job waits at several gates, say which is meant: {names}.")
    return found[0]


@contextmanager
def _steered(principal: Principal, job_id: UUID, act: str) -> Iterator[Job]:
    """Lock a job that the principal may steer and that can be acted upon so, for a transaction."""
    visibility.require(principal, "steer", visibility.job_for(principal, job_id))
    with transaction.atomic():
        job = Job.objects.select_for_update(no_key=True).get(pk=job_id)
        actions.require(act, job.status)
        yield job


def _say(
    principal: Principal, job: Job, event_type: EventType, reason: str, **data: object
) -> log.Appended:
    event = NewEvent(event_type, {**data, "reason": "", **with_reason(reason)})
    return log.append(job.pk, [event], actor=principal.actor)
