"""Errors reach a receiver that speaks Sentry's protocol, without a secret in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs import commands
from jobs.access import visibility
from jobs.models import Job
from ops.setup.clone import ROOT
from tests.integration import secret_kinds
from tests.integration.secret_kinds import PASSWORD
from tests.support.collector import Collector, collector
from tests.support.factories import make_user
from tests.support.waiting import until

PATH = "/api/7/envelope/"


def dsn(found: Collector) -> str:
    return f"http://public@127.0.0.1:{found.port}/7"


def reported(found: Collector) -> list[dict[str, Any]]:
    """Return the events that have come: of each envelope the item after the headers."""
    items = [json.loads(body.split(b"\n")[2]) for body in found.taken(PATH)]
    return [item for item in items if "exception" in item or "logentry" in item]


@pytest.mark.usefixtures("redis")
def test_a_run_that_breaks_is_reported_without_its_secrets(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = visibility.of_user(make_user(staff=True))
    with secret_kinds.secretive(tmp_path) as keys, collector() as found:
        job = commands.submit(who, "test-spill", {"password": PASSWORD, "end": "broken"})[0].pk
        monkeypatch.setenv("REPRISE_SENTRY_DSN", dsn(found))
        with secret_kinds.worker(tmp_path, keys):
            until(lambda: Job.objects.filter(pk=job, status="failed").exists(), "its end")
            until(lambda: any("exception" in one for one in reported(found)), "the report")
        [event] = [one for one in reported(found) if "exception" in one]
        everything = b"".join(body for _, body in found.bodies).decode()
    [raised] = event["exception"]["values"]
    assert raised["type"] == "RuntimeError"
    assert raised["value"].startswith("cannot log in with ")
    assert event["tags"] == {"process": "worker", "job": str(job), "attempt": "1"}
    assert PASSWORD not in everything
    assert json.dumps(PASSWORD)[1:-1] not in everything
    assert '"vars"' not in everything
    assert "breadcrumbs" not in event or not event["breadcrumbs"]["values"]


@pytest.mark.parametrize("how", ["fail()", "threading.Thread(target=fail).start()"])
def test_what_nobody_catches_is_reported(tmp_path: Path, how: str) -> None:
    code = (
        "import django, threading; django.setup()\n"
        "from jobs.startup import start_process; start_process('sweeper')\n"
        f"def fail(): raise RuntimeError('gone')\n{how}"
    )
    with collector() as found:
        env = {"REPRISE_SENTRY_DSN": dsn(found), "REPRISE_STATE": str(tmp_path)}
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | env, check=False)
        [event] = until(lambda: reported(found), "the report")
    assert event["exception"]["values"][0]["value"] == "gone"
    assert event["tags"]["process"] == "sweeper"
