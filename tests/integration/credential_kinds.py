"""Kinds that use credentials in ways of their own, for tests."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.test import override_settings
from pydantic import BaseModel

from jobs.kinds import Kind, registry
from jobs.run import Retry, Run, Step, SyncRun
from jobs.secrets import Secret

PATHS = tuple(f"tests.integration.credential_kinds.{name}" for name in ("Asks", "AsksPlainly"))


class Asking(BaseModel):
    """A credential by name, one as a secret parameter, and whether to wait at a gate."""

    name: str = ""
    secret: Secret | None = None
    gate: bool = False
    tries: int = 1


class Asks(Kind[Asking]):
    name = "test-asks"
    title = "Ask for credentials"
    Params = Asking
    had: ClassVar[list[str]] = []  # what steps have revealed

    def credentials_for(self, params: Asking) -> Collection[str]:
        return [params.name] if params.name else []

    async def run(self, run: Run, params: Asking) -> dict[str, Any]:
        handle = run.credential(params.name) if params.name else params.secret
        sys.stdout.write(f"the handler has {handle} {handle!r}\n")
        retry = Retry(tries=params.tries, wait=0)
        first = await run.step("first", lambda step: self._use(step, handle), retry=retry)
        if params.gate:
            await run.gate("go on")
            await run.step("second", lambda step: self._use(step, handle), retry=retry)
        return {"said": first}

    async def _use(self, step: Step, handle: Secret | None) -> str:
        value = step.reveal(handle) if handle else ""
        self.had.append(value)
        for part in (value[:4], value[4:], "\n", value[::-1], "\n"):
            step.output(part)
            await asyncio.sleep(0)
        return f"used {value}"


class AsksPlainly(Kind[Asking]):
    name = "test-asks-plainly"
    title = "Ask for credentials in plain functions"
    Params = Asking

    def run(self, run: SyncRun, params: Asking) -> dict[str, Any]:
        handle = run.credential(params.name)
        return {"said": run.step("only", lambda step: step.reveal(handle))}


@contextmanager
def asking() -> Iterator[None]:
    """Make the kinds known."""
    registry._find_kinds.cache_clear()
    Asks.had.clear()
    with override_settings(REPRISE_KINDS=PATHS):
        yield
    registry._find_kinds.cache_clear()
