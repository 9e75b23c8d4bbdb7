"""/api/jobs/<id>/tickets: permits to follow one job from a page of another origin."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Status

from jobs.access import tickets, visibility
from jobs.api.auth import principal_of
from jobs.api.schemas import TicketOut, error_responses
from jobs.api.shapes import moment_json

router = Router(tags=["jobs"])


@router.post("/{job_id}/tickets", response={201: TicketOut, **error_responses(404)})
def make_ticket(request: HttpRequest, job_id: str) -> Status[dict[str, Any]]:
    """Make a ticket: `?ticket=` at this job's streams stands for you, for a minute or so.

    For an `EventSource` or a WebSocket of another origin. Each connection takes one of its own; one
    that is open outlives it, but not your session or token.
    """
    principal = principal_of(request)
    row = visibility.job_for(principal, job_id)
    ticket, expires_at = tickets.make_ticket(principal, row.pk, settings.REPRISE.ticket_seconds)
    return Status(201, {"ticket": ticket, "expires_at": moment_json(expires_at)})
