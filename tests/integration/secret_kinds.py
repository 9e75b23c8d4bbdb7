"""A kind with secrets that says them in every way there is, and workers of its own to run it."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings
from django.test import override_settings
from psycopg import sql
from pydantic import BaseModel

from jobs.kinds import Kind, Plan, registry
from jobs.run import JobFailed, Retry, Run, Step, StepFailed
from jobs.secrets import Secret
from jobs.transports import command

ROOT = Path(__file__).resolve().parent.parent.parent
PATH = "tests.integration.secret_kinds.Spill"
PASSWORD = "c0rrect h'rse/battery"
PIN = "73519284"
ENCODE = (
    "base64", "base64 -w 5", "base32 -w 7", "od -A n -t x1 -w5", "od -c", "xxd -c 6", "xxd -p -c 2",
    "jq -Rs @html", "jq -Rs '@sh | @json'",
)  # fmt: skip
logger = logging.getLogger(__name__)


class Login(BaseModel):
    """A name and a password."""

    user: str = "deploy"
    password: Secret


class Spilling(BaseModel):
    """Secrets at the top, in a list and left out; and how the run is to end."""

    password: Secret
    pin: Secret | None = None
    logins: list[Login] = []
    free: dict[str, str] = {}
    end: str = "well"


class Spill(Kind[Spilling]):
    name = "test-spill"
    title = "Spill secrets"
    Params = Spilling

    def title_for(self, params: Spilling) -> str:
        return f"Spill {params.password!r} {params.password} {params.password:>9}"

    def plan(self, params: Spilling) -> Plan:
        return Plan(words=f"Say {params.password} and {params.pin}.")

    async def run(self, run: Run, params: Spilling) -> dict[str, Any]:
        sys.stdout.write(f"the handler has {params.password}\n")
        told = await run.step("print", lambda step: self._print(step, params))
        await run.step("commands", lambda step: self._commands(step, params))
        await run.step("first part", lambda step: self._part(step, params, slice(0, 9)))
        await run.step("second part", lambda step: self._part(step, params, slice(9, None)))
        try:
            await run.step("fail", self._fail(params), retry=Retry(tries=2, wait=0))
        except StepFailed as failure:
            logger.warning("as expected: %s", failure)
        if params.end == "badly":
            await run.step("again", self._fail(params))
        value = Opened.value
        if params.end == "broken":
            raise RuntimeError(f"cannot log in with {value}")
        if params.end == "long":
            raise JobFailed("x" * 3990 + value, [value])
        return {"message": f"Logged in with {value}.", "told": told, value: [value]}

    def _print(self, step: Step, params: Spilling) -> Any:
        value = Opened.value = step.reveal(params.password)
        for letter in value:
            step.output(letter)
            step.output(letter, "err")
        step.output("\n")
        for form in (quote(value), base64.b64encode(b"user:" + value.encode()).decode()):
            step.output(f"{form} {json.dumps(value)} {value!r}\n")
        logger.error("seen: %s", {"password": value})
        sys.stdout.write(f"written: {value}\n")
        warnings.warn(f"careful with {value}", stacklevel=1)
        pin = int(step.reveal(params.pin)) if params.pin else None
        other = [step.reveal(login.password) for login in params.logins]
        return {"pin": pin, "others": other, "value": value, "parts": [value[:9], value[9:]]}

    def _part(self, step: Step, params: Spilling, part: slice) -> None:
        step.output(step.reveal(params.password)[part])

    async def _commands(self, step: Step, params: Spilling) -> None:
        env = {"SPILLED": step.reveal(params.password)}
        slow = 'import os,time\nfor c in os.environ["SPILLED"]: os.write(1, c.encode())'
        await command("local", [sys.executable, "-c", slow], step, env=env)
        await command(
            "local", ["/bin/sh", "-xc", ': "$SPILLED"; echo "$SPILLED" >&2'], step, env=env
        )
        for encode in ENCODE:
            script = f'printf %s "$SPILLED" | {encode}'
            await command("local", ["/bin/sh", "-c", script], step, env=env)
        await command("local", ["env"], step, env=env)

    def _fail(self, params: Spilling) -> Any:
        async def fail(step: Step) -> None:
            env = {"SPILLED": step.reveal(params.password)}
            await command(
                "local", ["/bin/sh", "-c", 'echo "no: $SPILLED" >&2; exit 3'], step, env=env
            )

        return fail


class Opened:
    """What a step has carried out of itself, as it should not."""

    value = ""


@contextmanager
def secretive(state: Path) -> Iterator[Path]:
    """Make the kind known, with keys in a folder of the test's; yield their file."""
    keys = state / "secret_keys"
    registry._find_kinds.cache_clear()
    config = settings.REPRISE.with_changes(secret_keys=keys)
    with override_settings(REPRISE_KINDS=(PATH,), REPRISE=config):
        yield keys
    registry._find_kinds.cache_clear()


@contextmanager
def worker(state: Path, keys: Path) -> Iterator[Path]:
    """Run a worker process; yield the file that has all it says, and end it afterwards."""
    reported = state / "worker.log"
    config = settings.REPRISE
    env = {
        "DATABASE_URL": config.database_url,
        "REDIS_URL": config.redis_url,
        "REPRISE_STATE": str(state),
        "REPRISE_SECRET_KEYS": str(keys),
        "REPRISE_KINDS": PATH,
        "PYTHONUNBUFFERED": "1",
    }
    with reported.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT, env=os.environ | env, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        yield reported
    finally:
        process.terminate()
        process.wait()


def everything(url: str) -> str:
    """Return every row of every table as text, and what bytes in them say."""
    found = []
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, name in tables:
            table = sql.SQL("select * from {}").format(sql.Identifier(schema, name))
            for row in connection.execute(table):
                found += [_said(value) for value in row]
    return "\n".join(found)


def _said(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
