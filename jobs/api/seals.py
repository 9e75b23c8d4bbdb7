"""/api/jobs/<id>/seal: what vouches for a job outside of the database, for records and evidence."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from core.errors import OverLimit
from core.version import running_version
from jobs.access import visibility
from jobs.api.auth import principal_of
from jobs.api.schemas import error_responses
from jobs.integrity.seals.proof import prove_head

router = Router(tags=["jobs"])

AT_ONCE = 2
# A proof hashes all heads of its seal: a million take some seconds of a core.
_slots = BoundedSemaphore(AT_ONCE)


class SealProofOut(Schema):
    """A seal's signed line, the seq that it vouches for, and where its tree has that head."""

    line: str
    seq: int
    index: int
    path: list[str]


class SealOut(Schema):
    """The job's head, what has sealed it, and the version of Reprise: what a record begins with."""

    head: int
    hash: str
    reprise: str
    seal: SealProofOut | None


@router.get("/{job_id}/seal", response={200: SealOut, **error_responses(404, 429)})
def read_seal(request: HttpRequest, job_id: str) -> dict[str, Any]:
    """Return the newest seal that vouches for the job, with a proof; `seal` is null without one.

    The proof names no other job. 429 where this process makes enough of them already.
    """
    row = visibility.job_for(principal_of(request), job_id)
    if not _slots.acquire(blocking=False):
        raise OverLimit("Other proofs are being made: try again in a moment.")
    try:
        seal = prove_head(row.pk, row.head)
    finally:
        _slots.release()
    head_hash = bytes(row.head_hash).hex()
    return {"head": row.head, "hash": head_hash, "reprise": running_version(), "seal": seal}
