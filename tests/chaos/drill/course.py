"""Events, a backup, more jobs, a disaster, a restore to a second, and jobs that go on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from core import clock
from core.db import leave_pool
from core.errors import CursorAhead, HistoryDiverged
from jobs import log
from jobs.log import Cursor
from ops.embedded import postgres
from ops.errors import CannotStart
from ops.setup import say
from ops.setup.clone import ROOT
from tests.chaos.base_servers import BaseServers
from tests.chaos.hosts import Host
from tests.chaos.streams.installation import Installation, submit_load
from tests.chaos.streams.layout import here
from tests.chaos.supervised import SupervisedProcess

LOOK_SECONDS, WAIT_SECONDS = 0.2, 1800.0
FILLERS, WRITERS, RATE, AFTER_SECONDS = 20, 10, 100, 5.0
_FLUSHED = """
select coalesce(bool_or(flush_lsn >= %s::pg_lsn), false) from pg_stat_replication
where application_name = 'pg_receivewal'
"""
T = TypeVar("T")
Heads = Mapping[UUID, log.Head]


@dataclass
class Drilled:
    """What came of it: seconds by part, what `restore` said, what is wrong."""

    seconds: dict[str, float] = field(default_factory=dict)
    backup: dict[str, Any] = field(default_factory=dict)
    restored: dict[str, Any] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Drill:
    """One drill in a folder; the main thread calls `go`, which tends the place too."""

    def __init__(self, base: BaseServers, thread: ThreadPoolExecutor) -> None:
        self._base, self._thread = base, thread
        self._installation = Installation(base, here())
        self._backups = base.folder / "backups"
        self.drilled = Drilled()

    def go(self, events: int, minutes: float) -> Drilled:
        """Do all of it."""
        drilled = self.drilled
        self._installation.start(FILLERS + WRITERS)
        self._timed("events", lambda: self._fill(events))
        follower = self._follow_wal()
        drilled.backup = self._timed("backup", lambda: self._manage("backup"))
        jobs = self._beside(self._write)
        self._tend(60 * minutes)
        self._beside(lambda: self._manage("seal"))
        moment, kept = self._beside(lambda: self._remember(jobs))
        self._tend(AFTER_SECONDS)
        lost = self._beside(lambda: _heads(jobs))
        texts = {job: self._installation.rows.texts(job) for job in jobs}
        self._beside(self._wait_flushed)
        self._timed("disaster", lambda: self._destroy(follower))
        to = str(self._base.folder / "restored")
        words = ("restore", "--to", to, "--at", clock.rfc3339(moment))
        drilled.restored = self._timed("restore", lambda: self._manage(*words))
        self._timed("start", lambda: self._start(Path(to)))
        drilled.wrong += self._beside(lambda: self._judge(kept, lost, texts))
        return drilled

    def stop(self) -> None:
        """Let nobody wait any longer."""
        self._installation.stop()

    def _fill(self, events: int) -> None:
        """Have jobs write so many events and end."""
        share = max(1, events // FILLERS)
        params = {"events": share, "bytes": 200, "rate": 0, "steps": 4}
        rows = self._installation.rows
        jobs = [rows.ask(partial(submit_load, params, f"fill-{one}")) for one in range(FILLERS)]
        _wait_for(lambda: all(map(rows.has_ended, jobs)), "the events")

    def _write(self) -> list[UUID]:
        """Have jobs write until they are ended."""
        rate = RATE // WRITERS
        params = {"events": rate * 7200, "bytes": 200, "rate": rate, "steps": 900}
        rows = self._installation.rows
        return [rows.ask(partial(submit_load, params, f"write-{one}")) for one in range(WRITERS)]

    def _follow_wal(self) -> SupervisedProcess:
        made = self._base.supervisor.add(
            SupervisedProcess(
                "backup --follow", [sys.executable, "manage.py", "backup", "--follow"],
                self._base.folder / "follow.log", host=Host(), env=self._env(), cwd=ROOT,
            )
        )  # fmt: skip
        self._beside(self._wait_flushed)
        return made

    def _wait_flushed(self) -> None:
        """Return once all that is written now is in the log that is kept."""
        with psycopg.connect(self._base.database.superuser_url, autocommit=True) as connection:
            [now] = connection.execute("select pg_current_wal_flush_lsn()").fetchone() or (None,)
            _wait_for(
                lambda: connection.execute(_FLUSHED, [now]).fetchone() == (True,), "the kept log"
            )

    def _remember(self, jobs: Sequence[UUID]) -> tuple[datetime, Heads]:
        """Return the moment to restore, a whole second to come, and heads from before it."""
        found = _heads(jobs)
        moment = datetime.fromtimestamp(int(time.time()) + 1, UTC)
        _wait_for(lambda: time.time() > moment.timestamp(), "the second")
        return moment, found

    def _destroy(self, follower: SupervisedProcess) -> None:
        self._base.postgres.end(signal.SIGQUIT, down=1e9)
        follower.end(signal.SIGTERM, down=1e9)
        shutil.rmtree(self._base.database.place / "data")

    def _start(self, restored: Path) -> None:
        shutil.move(restored / "data", self._base.database.place / "data")
        self._base.postgres.come_back()
        postgres.wait_ready(self._base.database, lambda: True)

    def _judge(
        self, kept: Heads, lost: Heads, texts: Mapping[UUID, Sequence[str]]
    ) -> list[str]:  # fmt: skip
        """Return what is not as it must be, once the jobs have gone on and ended."""
        rows, wrong = self._installation.rows, list[str]()
        wanted = {job: rows.row(job).head + 20 for job in kept}
        _wait_for(lambda: all(rows.row(job).head >= wanted[job] for job in kept), "new events")
        told = {"on": 0, "told": 0}
        for job, head in kept.items():
            if not _is_in_log(job, head):
                wrong.append(f"job {job}: event {head.seq}, before the moment, is not there")
            told["on"] += 1
            if rows.texts(job)[: head.seq] != list(texts[job])[: head.seq]:
                wrong.append(f"job {job}: events before the moment are others now")
            if _is_in_log(job, lost[job]):
                wrong.append(f"job {job}: the cursor {lost[job].seq} of a lost event is taken")
            else:
                told["told"] += 1
        self.drilled.cursors = told
        self._installation.end(list(kept))
        _wait_for(lambda: all(map(rows.has_ended, kept)), "the jobs' end")
        wrong += [f"job {job}: {said}" for job in kept if (said := rows.broken(job))]
        return wrong

    def _manage(self, *words: str) -> dict[str, Any]:
        """Call a command; return what it prints as JSON. CannotStart where it fails."""
        ran = subprocess.run(
            [sys.executable, "manage.py", *words, "--json"], cwd=ROOT, env=self._env(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ran.returncode != 0:
            raise CannotStart(f"{' '.join(words)}: {ran.stderr[-500:]} {ran.stdout[-1500:]}")
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    def _env(self) -> dict[str, str]:
        return os.environ | {
            "REPRISE_SUPERUSER_DATABASE_URL": self._base.database.superuser_url,
            "REPRISE_BACKUPS": str(self._backups),
            "REPRISE_POSTGRES_PROGRAMS": str(Path(self._base.database.command[0]).parent),
        }

    def _timed(self, name: str, work: Callable[[], T]) -> T:
        with say.step(name.capitalize()):
            began = time.monotonic()
            result = self._beside(work)
            self.drilled.seconds[name] = round(time.monotonic() - began, 1)
        return result

    def _tend(self, seconds: float) -> None:
        self._base.supervisor.tend_until(lambda: False, seconds)

    def _beside(self, work: Callable[[], T]) -> T:
        """Have another thread do this, and tend the place meanwhile."""
        doing = self._thread.submit(work)
        while not doing.done():
            self._base.supervisor.tend()
            time.sleep(LOOK_SECONDS)
        return doing.result()


def run(base: BaseServers, events: int, minutes: float) -> Drilled:
    """Do a drill on this ground; return what came of it."""
    leave_pool()
    with ThreadPoolExecutor(1, "drill", initializer=leave_pool) as thread:
        drill = Drill(base, thread)
        try:
            return drill.go(events, minutes)
        finally:
            drill.stop()


def _heads(jobs: Sequence[UUID]) -> dict[UUID, log.Head]:
    found = {job: log.read_head(job) for job in jobs}
    return {job: head for job, head in found.items() if head is not None}


def _is_in_log(job: UUID, head: log.Head) -> bool:
    """Return whether a follower with this cursor goes on, and is not told of another log."""
    try:
        log.check_cursor(job, Cursor(head.seq, head.hash[:8]))
    except (CursorAhead, HistoryDiverged):
        return False
    return True


def _wait_for(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise CannotStart(f"Waited in vain for {what}.")
        time.sleep(LOOK_SECONDS)
