"""/api/jobs/<id>/…: what steers a job: pause, resume, approve, reject, signal, retry."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Body, Router, Status

from jobs import commands
from jobs.access import visibility
from jobs.api import shapes
from jobs.api.auth import principal_of
from jobs.api.jobs import ACCEPTED, IdempotencyKey, ReasonBody, accepted, checked_key
from jobs.api.schemas import Accepted, Answer, JobOut, Reason, Retry, Signal, error_responses
from jobs.commands.retry import retry as retry_job

router = Router(tags=["jobs"])

AnswerBody = Annotated[Answer | None, Body()]


@router.post("/{job_id}/pause", response=ACCEPTED)
def pause(request: HttpRequest, job_id: str, said: ReasonBody = None) -> Status[dict[str, int]]:
    """Let the steps in flight end and begin no other; 409 `not_now` where it is not going on."""
    return accepted(commands.pause(principal_of(request), job_id, (said or Reason()).reason))


@router.post("/{job_id}/resume", response=ACCEPTED)
def resume(request: HttpRequest, job_id: str, said: ReasonBody = None) -> Status[dict[str, int]]:
    """Let a paused job go on; 409 `not_now` where it is not paused."""
    return accepted(commands.resume(principal_of(request), job_id, (said or Reason()).reason))


@router.post("/{job_id}/approve", response=ACCEPTED)
def approve(request: HttpRequest, job_id: str, said: AnswerBody = None) -> Status[dict[str, int]]:
    """Let the job through the gate that it waits at; 409 `not_now` where it waits at none.

    403 also for the submitter, where the gate is for somebody else. `gate` says which is
    meant, and must where it waits at several.
    """
    said = said or Answer()
    return accepted(commands.approve(principal_of(request), job_id, said.reason, said.gate))


@router.post("/{job_id}/reject", response=ACCEPTED)
def reject(request: HttpRequest, job_id: str, said: AnswerBody = None) -> Status[dict[str, int]]:
    """Refuse the job at the gate that it waits at: its run fails. Otherwise as `approve`."""
    said = said or Answer()
    return accepted(commands.reject(principal_of(request), job_id, said.reason, said.gate))


@router.post("/{job_id}/signal", response={202: Accepted, **error_responses(403, 404, 409, 413)})
def signal(request: HttpRequest, job_id: str, said: Signal) -> Status[dict[str, int]]:
    """Tell the run what it waits for; 409 `not_now` where it waits for no signal of this name."""
    return accepted(commands.send_signal(principal_of(request), job_id, said.name, said.data))


@router.post(
    "/{job_id}/retry",
    response={200: JobOut, 201: JobOut, **error_responses(403, 404, 409, 413, 422)},
    by_alias=True,
)
def retry(
    request: HttpRequest,
    response: HttpResponse,
    job_id: str,
    wish: Annotated[Retry | None, Body()] = None,
    idempotency_key: IdempotencyKey = None,
) -> Status[dict[str, Any]]:
    """Submit a new job that does an ended one's work again, `retry_of` it.

    `failed`: on the targets on which it did not succeed; `all`: with the same params. 201 and the
    job; 200 and the earlier one for the same `Idempotency-Key`, job and `only`. 409 `not_now` where
    the job is not over, nothing failed, or its kind has no list of targets.
    """
    principal = principal_of(request)
    row = visibility.job_for(principal, job_id, "steer")
    only = (wish or Retry()).only
    again, created = retry_job(principal, row.pk, only, checked_key(idempotency_key))
    response["Location"] = f"/api/jobs/{again.pk}"
    return Status(201 if created else 200, shapes.job_json(principal, again))
