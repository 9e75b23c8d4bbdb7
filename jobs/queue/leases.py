"""Who runs a job: a fence and a lease in the job row. The only SQL on those columns.

Taking a job bumps its fence; every later write of that worker carries it, so a worker that lost
its job (paused, cut off, presumed dead) can write nothing any more. A fence is the moment in
milliseconds, at least: in a restored database too it is higher than any that was given before.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from core import clock
from core.errors import NotNow
from core.user_code import report
from jobs import log
from jobs.events import EventType, NewEvent, parse
from jobs.kinds import registry
from jobs.kinds.code_version import version_of
from jobs.log.sql import change_rows, fetch_rows
from jobs.models import Job
from jobs.queue import claims, limits, lost_attempts, lost_rights
from jobs.queue.lost_attempts import Lost

_TAKE = """
with mine as (
  select id, worker, attempt, lease_until from jobs_job
  where id = any(%s::uuid[]) and status in ('queued', 'running', 'waiting', 'cancelling')
    and (not parked or due_at <= clock_timestamp())
    and (start_at is null or start_at <= clock_timestamp())
    and (lease_until is null or lease_until < clock_timestamp())
    and (%s::text[] is null or kind = any(%s::text[])
         and not (status = 'waiting' and waiting_for @> '[{"for": "kind"}]'))
  order by id for no key update
)
update jobs_job as j set
  fence = greatest(fence + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint),
  worker = %s, lease_until = clock_timestamp() + %s * interval '1 second'
from mine where j.id = mine.id
returning j.id, j.fence, j.kind, j.params::text, mine.worker,
  case when mine.attempt > 0 then extract(epoch from mine.lease_until)::float8 end,
  j.forked_from::text
"""

# As it was before it was taken, but for the fence.
_LEAVE = "update jobs_job set worker = %s, lease_until = to_timestamp(%s) where id = %s"

# A lease that was given back stays so, even where a heartbeat was on its way meanwhile.
_BEAT = """
with mine as (
  select j.id from jobs_job j join unnest(%s::uuid[], %s::bigint[]) as held (id, fence)
    on held.id = j.id and held.fence = j.fence
  where j.finished_at is null and j.lease_until is not null
  order by j.id for no key update of j
)
update jobs_job as j set lease_until = clock_timestamp() + %s * interval '1 second'
from mine where j.id = mine.id
returning j.id, j.status
"""

# A job.waiting names so many of the targets that it waits for, and says how many there are.
BLOCKERS_SAID = 50
# And so many versions that could not go on with its run, the last ones.
REFUSED_SAID = 20

# The seq of the event that opens the attempt, where only job.submitted comes before it.
FIRST_ATTEMPT_SEQ = 2

_LOCK = "select status from jobs_job where id = %s and fence = %s for no key update"
_RELEASE = "update jobs_job set lease_until = null where id = %s and fence = %s"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """A job taken by a worker: `fence` goes with every write.

    `at` and `status` are as of the attempt's start, of which `opened` is the receipt. `fresh`:
    nothing but the job's submission comes before it. `holds`: others may wait for what the job has,
    its targets or its place. `refused` are versions of the kind that could not go on with the run.
    `forked_from`: what a fork goes on from.
    """

    job: UUID
    fence: int
    attempt: int
    kind: str
    params: Mapping[str, object]
    at: str
    status: str
    fresh: bool
    holds: bool
    opened: log.Appended
    refused: tuple[str, ...] = ()
    forked_from: Mapping[str, object] | None = None


def take_job(job_id: UUID, worker: str, suspects: set[UUID] | None = None) -> Lease | None:
    """Take a job and open its next attempt; None if it cannot be had now.

    That is: it has ended, is not due, somebody else has a live lease, or it must wait for a target,
    for its turn among the jobs of its kind, or for a worker that knows its kind, as this one does
    not (which it then says in its log). One whose attempts
    have all ended without a word fails instead (`jobs.queue.lost_attempts`), as does one whose team
    may no longer run it (`jobs.queue.lost_rights`). Where `suspects` is
    given, one that had better run alone is left and put there.
    """
    with transaction.atomic():
        seized = _allowed_to_run(_fit_to_run(_seize_jobs([job_id], worker), suspects), worker)
        if not seized:
            return None
        job = Job.objects.get(pk=job_id)
        if job.status != "cancelling" and (said := _find_waits(job)):
            _append_wait(job, said | _lost_data(seized[0]))
            return None
        [lease] = _open_attempts(seized, worker, holds=True)
        limits.wake_next(job.kind)  # the next in line, if there is room for more
        return replace(lease, refused=_refused_versions(job))


def take_many(
    job_ids: Collection[UUID], worker: str, suspects: set[UUID] | None = None
) -> dict[UUID, Lease]:
    """Take what is to be had of several jobs, as `take` does.

    Those of kinds that have nothing to wait for share a transaction: all of them or none.
    """
    free = [
        kind.name
        for kind in registry.all_kinds()
        if not kind.claims_targets and limits.limit_of(kind.name) is None
    ]
    with transaction.atomic():
        seized = _allowed_to_run(_fit_to_run(_seize_jobs(job_ids, worker, free), suspects), worker)
        leases = {one.job: one for one in _open_attempts(seized, worker, holds=False)}
    rest = Job.objects.filter(pk__in=set(job_ids) - set(leases)).exclude(
        ~Q(status="waiting"), kind__in=free
    )
    for job_id in rest.order_by("-priority", "pk").values_list("pk", flat=True):
        if lease := take_job(job_id, worker, suspects):
            leases[job_id] = lease
    return leases


def renew_leases(leases: Mapping[UUID, int]) -> dict[UUID, str]:
    """Prolong leases (job: fence); return the status of each that still holds."""
    if not leases:
        return {}
    values: list[Any] = [list(leases), list(leases.values()), settings.REPRISE.lease_seconds]
    return dict(fetch_rows(_BEAT, values))


def release_lease(job_id: UUID, fence: int) -> None:
    """Give a lease back before it ends, so that another worker can take the job at once."""
    change_rows(_RELEASE, [job_id, fence])


def park_job(job_id: UUID, fence: int, actor: str, events: Sequence[NewEvent]) -> str:
    """Give a lease back because the run itself waits, as `events` say; return the job's status.

    In one transaction, so that nobody takes the job before it is parked. Where somebody has asked
    for something else meanwhile (a stop, a pause), the events are not appended, and the status says
    so. Raises LeaseLost.
    """
    with transaction.atomic():
        rows = fetch_rows(_LOCK, [job_id, fence])
        if not rows:
            raise log.LeaseLost("Somebody else has this job.")
        status: str = rows[0][0]
        if events and status == "running":
            status = log.append(job_id, events, actor=actor, fence=fence).status
        release_lease(job_id, fence)
    return status


class _Seized(NamedTuple):
    """A job whose row has a new fence; `lost`: that its lease before ended by itself."""

    job: UUID
    fence: int
    kind: str
    params: str  # as JSON
    worker: str  # that had it before
    lease_until: float | None  # of that worker; None if it was given back
    forked_from: str | None = None  # as JSON
    lost: Lost | None = None


def _seize_jobs(
    job_ids: Collection[UUID], worker: str, kinds: Sequence[str] | None = None
) -> list[_Seized]:
    """Give the worker the leases that it can have; of some kinds only, where these are given."""
    wanted = None if kinds is None else list(kinds)
    values = [list(job_ids), wanted, wanted, worker, settings.REPRISE.lease_seconds]
    return [_Seized(*row) for row in fetch_rows(_TAKE, values)]


def _fit_to_run(seized: Sequence[_Seized], suspects: set[UUID] | None) -> list[_Seized]:
    """Return those of the seized jobs that may have another attempt here, and what was lost."""
    fit = []
    for one in seized:
        if one.lease_until is None:
            fit.append(one)
            continue
        heard = clock.rfc3339(
            datetime.fromtimestamp(one.lease_until - settings.REPRISE.lease_seconds, UTC)
        )
        lost = lost_attempts.lost_in_a_row(one.job, one.worker, heard)
        if lost_attempts.is_too_many(one.kind, lost):
            lost_attempts.give_up(one.job, one.fence, lost)
        elif _is_suspect(one, lost) and suspects is not None:
            suspects.add(one.job)
            change_rows(_LEAVE, [one.worker, one.lease_until, one.job])
        else:
            fit.append(one._replace(lost=lost[-1]))
    return fit


def _allowed_to_run(seized: Sequence[_Seized], worker: str) -> list[_Seized]:
    """Return those of the seized jobs that their teams may still run; the others fail."""
    lost = lost_rights.fail_without_rights({one.job: one.fence for one in seized}, worker)
    return [one for one in seized if one.job not in lost]


def _is_suspect(seized: _Seized, lost: Sequence[Lost]) -> bool:
    """Return whether a job had better run alone; one of an unknown kind does not run at all."""
    return len(lost) >= lost_attempts.SUSPECT_AFTER and registry.find_kind(seized.kind) is not None


def _lost_data(seized: _Seized) -> dict[str, Any]:
    return {"lost": seized.lost.as_data()} if seized.lost else {}


def _open_attempts(seized: Sequence[_Seized], worker: str, *, holds: bool) -> list[Lease]:
    """Open the next attempt of jobs that have been seized."""
    if not seized:
        return []
    actor = f"worker:{worker}"
    wishes = [
        log.Append(
            one.job,
            [NewEvent(EventType.ATTEMPT_STARTED, {"worker": worker, **_lost_data(one)})],
            actor,
            one.fence,
        )
        for one in seized
    ]
    leases = []
    for one, receipt in zip(seized, log.append_many(wishes), strict=True):
        if not isinstance(receipt, log.Appended):
            raise receipt or NotNow
        event = parse(receipt.texts[0])
        leases.append(
            Lease(
                one.job, one.fence, event.attempt, one.kind, json.loads(one.params),
                event.at, receipt.status, fresh=event.seq == FIRST_ATTEMPT_SEQ, holds=holds,
                opened=receipt,
                forked_from=json.loads(one.forked_from) if one.forked_from else None,
            )
        )  # fmt: skip
    return leases


def _find_waits(job: Job) -> dict[str, Any]:
    """Return what a job waits for, as the data of job.waiting; {} where it can run."""
    if (kind := registry.find_kind(job.kind)) is None:
        return {"for": "kind", "waits": [{"for": "kind", "kind": job.kind}], "count": 1}
    if version_of(kind) in _refused_versions(job):
        return {"for": "kind", "waits": job.waiting_for, "count": 1}
    if turn := limits.find_waits(job.pk, job.kind, job.priority):
        return {"for": "limit", "waits": turn, "count": len(turn)}
    if blockers := claims.acquire_targets(job.pk, _job_targets(job)):
        said = blockers[:BLOCKERS_SAID]
        return {"for": "targets", "targets": said, "count": len(blockers)}
    return {}


def wait_for_version(lease: Lease, reason: str) -> NewEvent:
    """Return the event of a job that is left, since its kind here cannot go on with its run."""
    here = version_of(registry.get_kind(lease.kind))
    versions = [*lease.refused, here][-REFUSED_SAID:]
    wait = {"for": "kind", "kind": lease.kind, "versions": versions, "reason": reason}
    return NewEvent(EventType.JOB_WAITING, {"for": "kind", "waits": [wait], "count": 1})


def _refused_versions(job: Job) -> tuple[str, ...]:
    """Return the versions of its kind that have been found to be unable to go on with a job."""
    waits = [wait for wait in job.waiting_for if wait.get("for") == "kind"]
    return tuple(waits[0].get("versions") or ()) if waits else ()


def _job_targets(job: Job) -> list[str]:
    try:
        kind = registry.get_kind(job.kind)
        return kind.targets(kind.read_own(job.params)) if kind.exclusive else []
    except Exception as error:  # noqa: BLE001 - a kind's code: the run itself says what is wrong
        report(f"targets of job {job.pk} unknown", error, job.pk)
        return []


def _append_wait(job: Job, said: dict[str, Any]) -> None:
    change_rows("update jobs_job set lease_until = null where id = %s", [job.pk])
    if job.status != "waiting" or job.waiting_for != (said.get("targets") or said.get("waits")):
        log.append(job.pk, [NewEvent(EventType.JOB_WAITING, said)], actor="system")
        if said["for"] == "kind":
            where = {"action": "take", "job": job.pk, "kind": job.kind}
            logger.warning(
                "job %s left: its kind %s is not known here", job.pk, job.kind, extra=where
            )
    if said["for"] != "limit":
        limits.wake_next(job.kind)  # it has left the line
