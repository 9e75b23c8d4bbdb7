"""/api/jobs/<id>/verify: is the job's log what was appended?"""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Any

from django.http import HttpRequest
from ninja import Router

from core.errors import OverLimit
from jobs import integrity
from jobs.access import visibility
from jobs.api.auth import principal_of
from jobs.api.schemas import VerdictOut, error_responses

router = Router(tags=["jobs"])

AT_ONCE = 2
# A million events take some ten seconds of a core, and the process has streams to serve beside.
_slots = BoundedSemaphore(AT_ONCE)


@router.get(
    "/{job_id}/verify", response={200: VerdictOut, **error_responses(404, 429)}, exclude_none=True
)
def verify(request: HttpRequest, job_id: str) -> dict[str, Any]:
    """Check the job's whole history: every hash, the job's row, the columns beside, the seals.

    `{"ok": true, "head", "hash"}`, or `{"ok": false, "seq", "reason"}` with the first bad event.
    429 where this process has enough such checks under way.
    """
    row = visibility.job_for(principal_of(request), job_id)
    if not _slots.acquire(blocking=False):
        raise OverLimit("Other histories are being checked: try again in a moment.")
    try:
        return integrity.verify_job(row.pk).as_dict()
    finally:
        _slots.release()
