"""`/healthz`: this process is alive. `/readyz`: what it needs answers.

Neither wants a sign-in, and neither says more than a name, a word and a duration.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import cast

import redis.asyncio
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse

from core import csp
from core.readiness import (
    GOING_DOWN,
    PATIENCE_SECONDS,
    NotReady,
    Result,
    check_database,
    describe_failure,
    describe_success,
    summarize,
)
from jobs import schedules
from jobs.feed import consumers
from jobs.log import months
from jobs.queue import live_workers, maintenance
from streams.followers import registry

Check = Callable[[], Awaitable[str | None]]
"""Returns None or a warning in a few words. Raises NotReady, and what its driver raises."""

# One thread of its own: however often a frozen database is asked after, one thread hangs.
_thread = ThreadPoolExecutor(1, thread_name_prefix="readyz")


async def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: the event loop turns. Asks nothing of anybody."""
    return JsonResponse({"status": "alive", "pid": os.getpid(), "csp_reports": csp.reports()})


async def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 where every dependency is ready and 503 otherwise, with each one's word.

    503 too while this process goes down: who asks shall send nobody here any more.
    """
    if registry.current_followers().going_down:
        return JsonResponse({"status": GOING_DOWN}, status=503)
    names = list(CHECKS)
    results = await asyncio.gather(*(_checked(CHECKS[name]) for name in names))
    body, status = summarize(dict(zip(names, results, strict=True)))
    return JsonResponse(body, status=status)


async def _checked(check: Check) -> Result:
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return describe_success(await check(), began)
    except Exception as error:  # noqa: BLE001 - what nobody expects is raised again
        return describe_failure(error, began)


def _migrations() -> None:
    missing = sorted(_known_migrations() - set(MigrationRecorder(connection).applied_migrations()))
    if missing:
        app, name = missing[0]
        raise NotReady(f"{len(missing)} not applied, first {app}.{name}: run manage.py migrate")


@cache
def _known_migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None, ignore_no_migrations=True).graph.nodes)


def _partitions() -> None:
    if missing := months.missing_partitions():
        raise NotReady(f"{', '.join(missing)} not there: the sweeper makes them, does one run?")


def _pages() -> None:
    if not Path(str(settings.DJANGO_VITE["default"]["manifest_path"])).is_file():
        raise NotReady("the front end is not built: run ops/install")


def _sweeper() -> None:
    found = maintenance.duty_status()
    if not found:
        raise NotReady("none has ever run here: start one with manage.py sweeper")
    if late := [one for one in found if one.late]:
        names = ", ".join(one.name for one in late)
        known = [one.seconds for one in late if one.seconds is not None]
        since = f" for {max(known):.0f} s" if known else ""
        process = "sealer" if late[0].name == maintenance.SEALS else "sweeper"
        why = "it fails" if any(one.failures for one in late) else f"does a {process} run?"
        raise NotReady(f"{names}: not done{since}: {why}")


def _consumers() -> str | None:
    failing = [one.name for one in consumers.consumer_status() if one.enabled and one.failures]
    return f"{', '.join(failing)}: failing" if failing else None


def _schedules() -> str | None:
    found = schedules.schedules_status()
    return f"{len(found.failing)} of {found.enabled} failing" if found.failing else None


def _kinds() -> str | None:
    found = live_workers.unknown_kinds()
    return live_workers.describe_kinds(found) if found else None


def _in_thread(function: Callable[[], str | None]) -> Check:
    twin: Check = database_sync_to_async(function, thread_sensitive=False, executor=_thread)
    return twin


async def _redis() -> str | None:
    client = redis.asyncio.from_url(
        settings.REPRISE.redis_url,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
    )
    async with client:
        await cast("Awaitable[bool]", client.ping())
    return None


# A failing consumer or schedule, or a kind that no worker knows, is told, but no reason to send
# requests elsewhere.
CHECKS: dict[str, Check] = {
    "database": _in_thread(check_database),
    "migrations": _in_thread(_migrations),
    "partitions": _in_thread(_partitions),
    "redis": _redis,
    "pages": _in_thread(_pages),
    "sweeper": _in_thread(_sweeper),
    "consumers": _in_thread(_consumers),
    "schedules": _in_thread(_schedules),
    "kinds": _in_thread(_kinds),
}
