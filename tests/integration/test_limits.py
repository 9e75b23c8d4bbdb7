"""At most so many jobs of a kind at once, in order, across processes, whoever dies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client, override_settings

from jobs import commands, log
from jobs.access.visibility import Principal
from jobs.events import Event, parse
from jobs.kinds import registry
from jobs.models import Job
from jobs.queue import leases, limits, rescue
from tests.integration import runs
from tests.support import workers
from tests.support.sweeps import sweep_once
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")
LIMIT = 2


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    registry._find_kinds.cache_clear()
    config = settings.REPRISE.with_changes(
        lease_seconds=2, sweep_seconds=0.2, limits={"test-brief": LIMIT}
    )
    with override_settings(REPRISE_KINDS=workers.KINDS, REPRISE=config):
        yield
    registry._find_kinds.cache_clear()


def submit(who: Principal, priority: int = 0, kind: str = "test-brief", **params: object) -> UUID:
    return commands.submit(who, kind, params, priority=priority)[0].pk


def events(job: UUID, type_: str) -> list[Event]:
    return [event for event in map(parse, log.read(job).texts) if event.type == type_]


def statuses(jobs: Sequence[UUID]) -> list[str]:
    found = dict(Job.objects.filter(pk__in=jobs).values_list("pk", "status"))
    return [found[job] for job in jobs]


def take(job: UUID) -> leases.Lease:
    lease = leases.take_job(job, "test/1")
    assert lease is not None
    return lease


def test_the_limit_holds_and_who_waits_says_so_once(who: Principal) -> None:
    jobs = [submit(who) for _ in range(3)]
    for job in jobs[:2]:
        take(job)
    for _ in range(2):
        assert leases.take_job(jobs[2], "test/2") is None
    assert statuses(jobs) == ["running", "running", "waiting"]
    [reported] = events(jobs[2], "job.waiting")
    wait = {"for": "limit", "kind": "test-brief", "limit": 2}
    assert reported.data == {"for": "limit", "waits": [wait], "count": 1}
    row = Job.objects.get(pk=jobs[2])
    assert (row.waiting_for, row.parked, row.lease_until) == ([wait], False, None)


def test_the_api_says_what_it_waits_for(who: Principal) -> None:
    jobs = [submit(who) for _ in range(3)]
    for job in jobs[:2]:
        take(job)
    assert leases.take_job(jobs[2], "test/2") is None
    client = Client(HTTP_HOST="localhost")
    client.force_login(who.user)
    for path in (f"/api/jobs/{jobs[2]}", f"/api/jobs?id={jobs[2]}"):
        answer = client.get(path).json()
        job_ = answer["jobs"][0] if "jobs" in answer else answer
        [wait] = job_["waiting_for"]
        assert {name: wait[name] for name in ("for", "kind", "limit")} == {
            "for": "limit", "kind": "test-brief", "limit": 2,
        }  # fmt: skip


def test_nobody_is_overtaken_within_a_priority_and_a_higher_one_goes_first(who: Principal) -> None:
    low, first, second, high = (submit(who, priority) for priority in (-1, 0, 0, 5))
    for early in (low, second):
        assert leases.take_job(early, "test/1") is None
    take(high)
    assert leases.take_job(second, "test/1") is None
    lease = take(first)
    assert leases.take_job(second, "test/1") is None
    leases.release_lease(first, lease.fence)
    assert (
        leases.take_job(second, "test/1") is None
    )  # `first` has been handed over, and goes on first
    take(first)


def test_a_job_that_waits_for_a_target_leaves_the_line(who: Principal) -> None:
    holder, blocked, next_ = (submit(who, targets=names) for names in (["a"], ["a"], ["b"]))
    take(holder)
    assert leases.take_job(next_, "test/1") is None
    assert leases.take_job(blocked, "test/1") is None
    assert Job.objects.get(pk=blocked).waiting_for == [{"target": "a", "job": str(holder)}]
    take(next_)


def test_the_next_is_woken_when_a_place_is_free(who: Principal) -> None:
    jobs = [submit(who) for _ in range(4)]
    held = [take(job) for job in jobs[:2]]
    assert [leases.take_job(job, "test/1") for job in jobs[2:]] == [None, None]
    assert limits.wake_next("test-brief") == 0
    leases.release_lease(held[0].job, held[0].fence)
    log.append(jobs[0], [runs.ended()], actor="worker:test/1")
    assert limits.wake_next("test-brief") == 1
    assert leases.take_job(jobs[3], "test/1") is None
    take(jobs[2])


def test_a_limit_of_0_lifts_the_kinds_own(who: Principal) -> None:
    class Narrow(workers.Brief):
        name = "narrow"
        max_running = 1

    registry._find_kinds().kinds["narrow"] = Narrow()
    assert limits.limit_of("narrow") == 1
    config = settings.REPRISE.with_changes(limits={"narrow": 0})
    with override_settings(REPRISE=config):
        assert limits.limit_of("narrow") is None
    assert limits.limit_of("unknown") is None


def test_a_kind_that_shares_its_targets_does_not_wait_for_them(who: Principal) -> None:
    for _ in range(2):
        take(submit(who, kind="test-shared", targets=["a"]))


def test_priority_goes_first_on_a_target(who: Principal) -> None:
    with override_settings(REPRISE=settings.REPRISE.with_changes(limits={})):
        holder, low, high = (submit(who, n, targets=["a"]) for n in (0, 0, 5))
        lease = take(holder)
        assert leases.take_job(low, "test/1") is None
        assert leases.take_job(high, "test/1") is None
        log.append(holder, [runs.ended()], actor="worker:test/1", fence=lease.fence)
        rescue.release_ended()
        assert leases.take_job(low, "test/1") is None
        take(high)


def test_two_processes_keep_limit_and_order(who: Principal, database: str) -> None:
    jobs: list[UUID] = []

    def both_have_worked() -> bool:
        if all_ended(jobs):
            jobs.extend(submit(who) for _ in range(12))
        return len({job.worker for job in Job.objects.filter(attempt__gt=0)}) == 2

    with workers.processes(2, DATABASE_URL=database, REPRISE_LIMITS=f"test-brief={LIMIT}"):
        until(both_have_worked, "both processes")
        until(partial(all_ended, jobs), "all jobs")
    assert set(statuses(jobs)) == {"succeeded"}
    assert most_at_once(jobs) == LIMIT
    began = [events(job, "attempt.started")[0].at for job in jobs]
    # Two that have a place each may begin in either order; nobody else comes between.
    assert all(early < late for early, late in zip(began, began[LIMIT:], strict=False))


def test_a_killed_holder_frees_its_place(who: Principal, database: str) -> None:
    jobs = [submit(who, hang=True), *(submit(who) for _ in range(3))]
    env = {"DATABASE_URL": database, "REPRISE_LIMITS": "test-brief=1", "REPRISE_LEASE_SECONDS": "2"}
    with (
        override_settings(REPRISE=settings.REPRISE.with_changes(limits={"test-brief": 1})),
        workers.processes(1, **env) as [dying],
    ):
        until(lambda: statuses(jobs) == ["running", *["waiting"] * 3], "the line")
        with workers.processes(1, **env):
            dying.kill()
            until(partial(all_ended, jobs), "all jobs")
    assert Job.objects.get(pk=jobs[0]).attempt == 2
    last = [events(job, "attempt.started")[-1].at for job in jobs]
    assert last == sorted(last)
    assert most_at_once(jobs) == 1


def all_ended(jobs: Sequence[UUID]) -> bool:
    sweep_once()
    return set(statuses(jobs)) <= {"succeeded", "failed"}


def most_at_once(jobs: Sequence[UUID]) -> int:
    """Return how many ran at once at most, by the events' own clock: newest attempt to end."""
    moments: list[tuple[str, int]] = []
    for job in jobs:
        moments.append((events(job, "attempt.started")[-1].at, 1))
        moments.append((events(job, "job.succeeded")[0].at, -1))
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most
