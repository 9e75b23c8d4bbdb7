"""Runs a web server on a real database, and appends to its logs and reads its rows."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
from django.conf import settings

from core.db import in_thread
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.log import Appended
from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.support.counters import read_counters
from tests.support.django_servers import using_database, using_valkey
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.people import People, Person, make_people
from tests.support.services import Services
from tests.support.waiting import until


@dataclass
class Web:
    """A running web process."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Its address for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """Its address for WebSocket."""
        return f"ws://127.0.0.1:{self.port}"


@dataclass
class LiveServer:
    """A web process, its database, and the people in it."""

    web: Web
    database_url: str
    people: People

    def job(self, events: Sequence[NewEvent] = (), owner: Person | None = None) -> UUID:
        """Return a new running job of alice's (submitted, one attempt, then `events`)."""
        who = owner or self.people.alice
        team = self.people.red if owner is None else None
        return make_job(who.user, [ATTEMPT, *events], team=team).pk

    async def new_job(self, events: Sequence[NewEvent] = ()) -> UUID:
        """Do the same on an event loop."""
        return await in_thread(self.job, events)

    async def append(self, job: UUID, *events: NewEvent) -> Appended:
        """Append to a job's log, as a worker would."""
        return await in_thread(log.append, job, list(events), actor="worker:test/1")

    async def finish(self, job: UUID, type: EventType = EventType.JOB_SUCCEEDED) -> Appended:
        """Append a terminal event."""
        return await self.append(job, NewEvent(type, {"message": "Done."}))

    def rows(self, job: UUID) -> list[str]:
        """Return the texts of a job's events as bare psycopg reads them."""
        with psycopg.connect(self.database_url) as connection:
            found = connection.execute(
                "select seq, text from jobs_event where job = %s order by seq", [job]
            ).fetchall()
        assert [seq for seq, _ in found] == list(range(1, len(found) + 1))
        return [text for _, text in found]

    def counters(self) -> dict[str, int]:
        """Return the web process's counters, `name` or `name{of="label"}` to number."""
        return read_counters(self.web.url, self.people.root.headers)


def outputs(count: int, text: str = "ok") -> list[NewEvent]:
    """Return events of a step's output."""
    return [output(f"{text} {number}") for number in range(count)]


@contextmanager
def live_server(
    database_url: str, redis_url: str, server: str = "daphne", **env: str
) -> Iterator[LiveServer]:
    """Serve a database; Django in this process is on the same database and layer meanwhile."""
    with using_database(database_url), using_valkey(redis_url):
        people = make_people()
        with serving(database_url, redis_url, server, **env) as web:
            yield LiveServer(web, database_url, people)


@contextmanager
def other_database(services: Services, redis_url: str) -> Iterator[str]:
    """Put another fresh database behind Django; the address is the value."""
    with services.database() as url, using_database(url), using_valkey(redis_url):
        yield url


STOP_SECONDS = 60
IGNORED = ["--proxy-headers"]  # some installations still have it
SERVERS = {
    "daphne": ["streams.server", "--application-close-timeout", "2", "-v", "0", *IGNORED],
    "daphne, loud": ["streams.server", "--application-close-timeout", "2"],
    "uvicorn": ["streams.server_uvicorn", *IGNORED],
}
WITH_SHORT_TIMEOUTS = {
    f"{name}, short timeouts": ["tests.support.short_timeouts", *run]
    for name, run in SERVERS.items()
}


@contextmanager
def serving(database_url: str, redis_url: str, server: str = "daphne", **env: str) -> Iterator[Web]:
    """Run a web process, answering on entry; it ends in good order after.

    On a free port, or the one that `PORT` says.
    """
    with tempfile.TemporaryDirectory(prefix="reprise-web-") as folder:
        port, reported = int(env.get("PORT") or ports.free()), Path(folder) / "web.log"
        command = [
            *(sys.executable, "-m", *(SERVERS | WITH_SHORT_TIMEOUTS)[server]),
            *("-b", "127.0.0.1", "-p", str(port), "core.asgi:application"),
        ]
        own = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "REPRISE_STATE": folder,
            "REPRISE_SECRET_KEY": settings.SECRET_KEY,  # sessions made here hold there
            "REPRISE_DRAIN_SECONDS": "0",
        }
        with reported.open("wb") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | own | env, stdout=file, stderr=file
            )
        web = Web(port, process, reported)
        try:
            until(lambda: _answers(web) or process.poll() is not None, "the web process")
            assert process.poll() is None, reported.read_text()
            yield web
            process.terminate()
            assert process.wait(STOP_SECONDS) == 0, reported.read_text()
        finally:
            process.kill()
            process.wait()


def _answers(web: Web) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{web.url}/healthz", timeout=5).status_code == 200
    return False
