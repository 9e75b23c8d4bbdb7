"""The sealer: a process of its own makes the seals, and is missed where it does not run."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F
from django.test import Client

from jobs.feed.consumer_threads import ConsumerThreads
from jobs.management.commands import sweeper
from jobs.models import Duty as Row
from jobs.models import Seal
from jobs.queue import maintenance
from ops.setup.clone import ROOT
from tests.support.factories import make_job
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")


def test_it_seals_with_its_own_key(database: str, tmp_path: Path) -> None:
    make_job()
    env = os.environ | {"DATABASE_URL": database, "REPRISE_STATE": str(tmp_path)}
    key = tmp_path / "own" / "key"
    command = [sys.executable, "manage.py", "sealer"]
    process = subprocess.Popen(command, cwd=ROOT, env=env | {"REPRISE_SEAL_KEY": str(key)})
    try:
        until(lambda: Seal.objects.exists(), "a seal")
        until(lambda: Row.objects.filter(name="seals", failures=0).exists(), "its duty")
    finally:
        process.terminate()
    assert process.wait(60) == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not (tmp_path / "seal_key").exists()


def test_the_sweeper_seals_nothing_and_forgets_no_sealer() -> None:
    Row.objects.create(name="seals", every=600)
    groups = sweeper.duty_groups(ConsumerThreads(threading.Event()))
    duties = {duty.name: duty for group in groups for duty in group}
    assert "seals" not in duties
    duties["duties"].work()
    assert Row.objects.filter(name="seals").exists()


def test_a_sealer_that_does_not_run_any_more_is_named() -> None:
    maintenance.Duty("seals", lambda: None, 1).run_if_due()
    Row.objects.update(done_at=F("done_at") - timedelta(days=1))
    answer = Client(headers={"Host": "localhost"}).get("/readyz").json()
    assert "does a sealer run?" in answer["sweeper"]["problem"]
