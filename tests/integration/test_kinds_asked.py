"""What the service asks of a kind outside its runs: an exit there ends no process of ours."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.test import override_settings
from pydantic import BaseModel

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.kinds import Kind, registry
from jobs.kinds.guarded_calls import KindFailed
from jobs.worker.fetcher import Fetcher
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database", "known")


class Nothing(BaseModel):
    """No parameters."""


class Exits(Kind[Nothing]):
    """Leaves the process wherever the test says."""

    name = "test-exits"
    title = "Exit"
    Params = Nothing
    where = ""

    def __getattribute__(self, name: str) -> Any:
        if name == type(self).where:
            return lambda *_: sys.exit(2)
        return super().__getattribute__(name)

    def targets(self, params: Nothing) -> list[str]:
        return []

    def run(self, run: Any, params: Nothing) -> None:
        return None


class ExitsAtOnce(Exits):
    """Cannot even be made."""

    name = "test-exits-at-once"

    def __init__(self) -> None:
        sys.exit(3)


class Odd(Exits):
    """Says of itself what cannot be."""

    name = "test-odd"
    exclusive = property(lambda _: sys.exit(4))


KINDS: Sequence[str] = [
    f"tests.integration.test_kinds_asked.{one}" for one in ("Exits", "ExitsAtOnce", "Odd")
]


@pytest.fixture
def known() -> Iterator[None]:
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=KINDS):
        yield
    Exits.where = ""
    registry._find_kinds.cache_clear()


@pytest.fixture
def who() -> Principal:
    return runs.operator()


def broken(at: str) -> None:
    """Have the kind made anew, with one of its methods broken."""
    Exits.where = at
    registry._find_kinds.cache_clear()
    registry.all_kinds()
    Exits.where = ""


@pytest.mark.parametrize("method", ["check", "settle", "plan", "total", "title_for", "read"])
def test_an_exit_at_submission_is_an_error_and_no_exit(who: Principal, method: str) -> None:
    broken(method)
    with pytest.raises(KindFailed, match="SystemExit: 2"):
        commands.submit(who, Exits.name, {})


async def test_an_exit_where_a_job_is_taken_leaves_its_fate_to_the_run(who: Principal) -> None:
    job = (await in_thread(commands.submit, who, Exits.name, {}))[0].pk
    broken("targets")
    lease = await Fetcher("test/1").take(job)
    assert lease is not None
    assert lease.job == job


async def test_whoever_waits_for_a_job_is_answered_whatever_is_raised(who: Principal) -> None:
    job = (await in_thread(commands.submit, who, Exits.name, {}))[0].pk
    registry.find_kind(Exits.name).__dict__["claims_targets"] = None
    taker = Fetcher("test/1")
    assert (await asyncio.gather(taker.take(job), taker.take(job))).count(None) == 1


def test_a_kind_that_exits_when_it_is_loaded_is_left_out_and_said(who: Principal) -> None:
    reasons = {
        one.source.split()[0].rpartition(".")[2]: one.reason for one in registry.broken_kinds()
    }
    assert reasons == {
        "ExitsAtOnce": "SystemExit: 3",
        "Odd": "TypeError: its exclusive is a property",
    }
    assert registry.find_kind(Exits.name) is not None
