"""With REPRISE_LOG_FORMAT=json every line of every process is one object of one schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, create_model

from core.log_lines import LoggedError, LogLine
from jobs import commands
from jobs.access import visibility
from jobs.models import Duty as Row
from jobs.models import Job, Seal
from ops.setup.clone import ROOT
from tests.integration import secret_kinds
from tests.integration.secret_kinds import PASSWORD
from tests.support.factories import make_user
from tests.support.live_server import serving
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")

JSON = {"REPRISE_LOG_FORMAT": "json", "PYTHONUNBUFFERED": "1"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


STRICT = ConfigDict(extra="forbid", strict=True)


def strict(schema: Any, **members: Any) -> type[BaseModel]:
    """Return a model with a schema's members and nothing besides."""
    optional = dict.fromkeys(schema.__optional_keys__)
    types = get_type_hints(schema) | members
    fields: Any = {name: (kind, optional.get(name, ...)) for name, kind in types.items()}
    made: type[BaseModel] = create_model("Line", __config__=STRICT, **fields)
    return made


SCHEMA = strict(LogLine, error=strict(LoggedError))


def lines(text: str) -> list[dict[str, Any]]:
    """Return a log's lines; AssertionError for one that is not of the schema."""
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        SCHEMA.model_validate(line)
    assert found
    return found


@contextmanager
def command(database: str, folder: Path, *words: str, **env: str) -> Iterator[Path]:
    """Run a command of `manage.py` until it is told to stop; yield the file with all it says."""
    reported = folder / "log"
    own = {"DATABASE_URL": database, "REPRISE_STATE": str(folder)}
    with reported.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=os.environ | JSON | own | env, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        yield reported
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_a_run_is_on_each_of_its_lines_and_no_secret_is(database: str, tmp_path: Path) -> None:
    who = visibility.of_user(make_user(staff=True))
    with secret_kinds.secretive(tmp_path) as keys:
        params = {"password": PASSWORD, "end": "broken"}
        job = commands.submit(who, "test-spill", params)[0].pk
        own = {"REPRISE_SECRET_KEYS": str(keys), "REPRISE_KINDS": secret_kinds.PATH}
        with command(database, tmp_path, "worker", **own) as reported:
            until(lambda: Job.objects.filter(pk=job, status="failed").exists(), "its end")
    text = reported.read_text()
    found = lines(text)
    assert {line["process"] for line in found} == {"worker"}
    mine = [line for line in found if line.get("job") == str(job)]
    assert {line.get("attempt") for line in mine} == {1}
    loggers = {line["logger"] for line in mine}
    assert loggers >= {
        "jobs.worker.worker", "jobs.run.step_runner", "core.user_code", "printed",
        "tests.integration.secret_kinds", "py.warnings",
    }  # fmt: skip
    [broken] = [line for line in mine if line["logger"] == "core.user_code"]
    assert broken["error"]["type"] == "RuntimeError"
    assert "secret_kinds.py" in broken["error"]["traceback"]
    assert PASSWORD not in text
    assert json.dumps(PASSWORD)[1:-1] not in text


def test_a_run_in_a_thread_of_its_own_is_on_the_lines_of_its_errors(
    database: str, tmp_path: Path
) -> None:
    who = visibility.of_user(make_user(staff=True))
    job = commands.submit(who, "load", {"steps": 1})[0].pk
    with command(database, tmp_path, "worker") as reported:
        until(lambda: Job.objects.filter(pk=job, status="succeeded").exists(), "its end")
    [begun] = [one for one in lines(reported.read_text()) if one["message"].endswith("attempt 1")]
    assert (begun["job"], begun["attempt"], begun["action"]) == (str(job), 1, "run")


def test_the_sweeper_and_the_sealer_speak_it_too(database: str, tmp_path: Path) -> None:
    make_user()
    broken = {"REPRISE_CONSUMERS": "nowhere.Consumer"}
    with command(database, tmp_path, "sweeper", **broken) as reported:
        until(lambda: Row.objects.filter(name="consumers").exists(), "a duty")
    assert {line["process"] for line in lines(reported.read_text())} == {"sweeper"}
    with command(database, tmp_path, "sealer") as reported:
        until(lambda: Seal.objects.exists(), "a seal")
    assert {line["process"] for line in lines(reported.read_text())} == {"sealer"}


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_request_has_an_id_that_is_returned_and_logged(
    database: str, redis: str, server: str
) -> None:
    with serving(database, redis, server, **JSON) as web:
        sent = {
            "own": {"X-Request-ID": "from-the-proxy.1"},
            "trace": {"traceparent": TRACEPARENT},
            "bad": {"X-Request-ID": 'two words", "level": "'},
            "none": {},
        }
        ids = {
            name: httpx.get(f"{web.url}/api/jobs", headers=headers, timeout=60).headers[
                "X-Request-ID"
            ]
            for name, headers in sent.items()
        }
        page = httpx.get(
            f"{web.url}/healthz?%ff=1", headers={"content-type": "a/b; c*=x''%41"}, timeout=60
        )
        assert page.headers["X-Request-ID"]
        text = web.log.read_text()
    assert ids["own"] == "from-the-proxy.1"
    assert ids["trace"] == TRACE
    assert len({*ids.values()}) == len(ids)
    assert " " not in ids["bad"]
    found = lines(text)
    refused = {line["request"]: line for line in found if line.get("action") == "refused"}
    assert set(refused) == {*ids.values()}
    assert refused[ids["trace"]]["trace"] == TRACE
    assert {line["process"] for line in found} == {"web"}


def test_daphne_logs_each_answer_with_its_request(database: str, redis: str) -> None:
    with serving(database, redis, "daphne, loud", **JSON) as web:
        httpx.get(f"{web.url}/sign-in", headers={"X-Request-ID": "an-id"}, timeout=60)
        until(lambda: '"an-id"' in web.log.read_text(), "its line")
        text = web.log.read_text()
    [line] = [line for line in lines(text) if line.get("request") == "an-id"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/sign-in", 200)


@pytest.mark.parametrize("where", ["", "threading.Thread(target=fail).start()"])
def test_what_nobody_catches_is_a_line(tmp_path: Path, where: str) -> None:
    code = "import threading\ndef fail(): raise RuntimeError('gone\\nfor good')\n" + (
        where or "fail()"
    )
    start = f"import django; django.setup()\n{code}"
    ran = subprocess.run(
        [sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | JSON | {"REPRISE_STATE": str(tmp_path)},
    )  # fmt: skip
    [line] = lines(ran.stderr)
    assert (line["level"], line["action"], line["process"]) == ("critical", "uncaught", "command")
    assert line["error"]["message"] == "gone\nfor good"
