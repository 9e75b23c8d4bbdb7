"""What people ask for: submit a job, stop it. Each is one transaction and at least one event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from core.errors import BadRequest, Forbidden, IdempotencyConflict, NotNow
from core.ids import uuid7
from jobs import access, claims, dispatch, log
from jobs.access import Principal
from jobs.events import EventType, NewEvent, clean
from jobs.kinds import registry
from jobs.models import Job

MAX_TITLE = 300
MAX_KEY = 200


def submit(
    principal: Principal,
    kind: str,
    params: Mapping[str, Any],
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
) -> tuple[Job, bool]:
    """Submit a job; return it and whether it is new.

    With an idempotency key (unique per user) the same request again returns the first one's job.
    Raises Forbidden, InvalidParams, IdempotencyConflict (the key, but another request), BadRequest.
    """
    request = clean({"kind": kind, "params": params, "title": title, "labels": labels or {}})
    digest = _digest(request)
    if earlier := _earlier(principal, idempotency_key, digest):
        return earlier, False  # whatever has changed since: what was asked for is under way
    access.require(principal, "submit")
    found = registry.get(kind)
    if not access.is_open(principal, found):
        raise Forbidden(f"Only staff may submit jobs of the kind {found.name}.")
    job = _job(principal, found, request, idempotency_key)
    job.request_hash = digest
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            log.append(job.pk, [_submitted(job, found)], actor=principal.actor)
            dispatch.deliver(job.pk)
    except IntegrityError:
        earlier = _earlier(principal, idempotency_key, digest)
        if earlier is None:
            raise
        return earlier, False
    job.refresh_from_db()
    return job, True


def cancel(principal: Principal, job_id: UUID) -> log.Appended:
    """Ask a job to stop; return the receipt of `job.cancel_requested`.

    A run stops between steps (a running step is ended after a grace), one that is parked or paused
    is delivered, to put back what it began; a job that has never run ends at once. Raises NotFound,
    Forbidden, NotNow.
    """
    access.require(principal, "steer", access.job_for(principal, job_id))
    with transaction.atomic():
        job = Job.objects.select_for_update(no_key=True).annotate(now=Now()).get(pk=job_id)
        asked = log.append(
            job_id, [NewEvent(EventType.JOB_CANCEL_REQUESTED)], actor=principal.actor
        )
        held = job.lease_until and job.lease_until > job.now
        if job.attempt and not held:
            dispatch.deliver(job_id)
        elif not held:
            data = {"message": f"Stopped before it ran, by {principal.actor.partition(':')[2]}."}
            log.append(job_id, [NewEvent(EventType.JOB_CANCELLED, data)], actor="system")
            wake(claims.release(job_id))
    return asked


def signal(principal: Principal, job_id: UUID, name: str, data: Any = None) -> log.Appended:
    """Send a signal to a run that waits for it (`run.wait_for`); return the receipt.

    It is recorded as `job.resumed` with the signal's name and data (JSON). Raises NotFound,
    Forbidden, and NotNow where the job does not wait for a signal of this name.
    """
    access.require(principal, "steer", access.job_for(principal, job_id))
    with transaction.atomic():
        job = Job.objects.select_for_update(no_key=True).get(pk=job_id)
        awaited = [wait["name"] for wait in job.waiting_for if wait.get("for") == "signal"]
        if not job.parked or name not in awaited:
            raise NotNow(f"The job does not wait for the signal {name!r}.", job_status=job.status)
        said = {"signal": name, "data": data}
        sent = log.append(job_id, [NewEvent(EventType.JOB_RESUMED, said)], actor=principal.actor)
        dispatch.deliver(job_id)
    return sent


def wake(waiting: list[UUID]) -> None:
    """Deliver jobs that may now get what they waited for."""
    for job_id in waiting:
        dispatch.deliver(job_id)


def _job(
    principal: Principal, kind: registry.AnyKind, request: dict[str, Any], key: str | None
) -> Job:
    params = kind.parse(request["params"])
    title = (request["title"] or "").strip() or kind.title_for(params)
    if len(title) > MAX_TITLE:
        raise BadRequest(f"A title has at most {MAX_TITLE} characters.")
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise BadRequest(f"An idempotency key has 1 to {MAX_KEY} characters.")
    return Job(
        id=uuid7(),
        kind=kind.name,
        title=title,
        params=params.model_dump(mode="json"),
        labels=request["labels"],
        plan=kind.plan(params).as_dict(),
        team=access.team_for(principal),
        owner=principal.user,
        submitted_by=principal.actor,
        idempotency_key=key,
        head_hash=b"",
    )


def _submitted(job: Job, kind: registry.AnyKind) -> NewEvent:
    data = {
        "kind": job.kind,
        "title": job.title,
        "params": job.params,
        "labels": job.labels,
        "plan": job.plan,
        "team": job.team.slug if job.team else None,
        "total": kind.total(kind.Params.model_validate(job.params)),
        "retry_of": str(job.retry_of_id) if job.retry_of_id else None,
    }
    return NewEvent(EventType.JOB_SUBMITTED, data)


def _digest(request: dict[str, Any]) -> bytes:
    canonical = json.dumps(request, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).digest()


def _earlier(principal: Principal, key: str | None, digest: bytes) -> Job | None:
    """Return the job that this key made; IdempotencyConflict where for another request."""
    if key is None:
        return None
    job = Job.objects.filter(owner=principal.user, idempotency_key=key).first()
    if job is not None and bytes(job.request_hash or b"") != digest:
        raise IdempotencyConflict
    return job
