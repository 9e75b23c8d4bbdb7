"""Fixtures of the acceptance tests: the copies of the project that they share, and their seeds."""

from __future__ import annotations

import os
import random
from collections.abc import Generator, Iterator

import pytest

from tests.acceptance.people import People, make
from tests.acceptance.up import Up, running
from tests.support.waiting import until

SECONDS = 600
HERE = os.path.dirname(__file__)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test here time for the processes that it starts; one xdist worker for all of them."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.timeout(SECONDS))
            item.add_marker(pytest.mark.xdist_group("acceptance"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the copy's script and processes said."""
    report = yield
    if report.failed and report.when == "call" and isinstance(item, pytest.Function):
        for value in item.funcargs.values():
            if isinstance(value, Up):
                report.sections.append((f"copy in {value.state}", value.said()))
    return report


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """A copy that tests share and that nobody harms."""
    with running({"REPRISE_HEARTBEAT_SECONDS": "2"}) as copy:
        yield copy


@pytest.fixture(scope="session")
def people(up: Up) -> People:
    """Others than the operator, in the shared copy."""
    return make(up)


@pytest.fixture(scope="session")
def finished(up: Up) -> str:
    """The operator's job that ended long ago, in the shared copy."""
    job = up.submit("load", events=20, steps=2)
    until(lambda: up.rows.has_ended(job), "a small job")
    return job


@pytest.fixture
def seed() -> int:
    """A number for everything random in a test, printed when the test fails.

    It follows from pytest-randomly's seed; REPRISE_TEST_SEED sets it by itself.
    """
    chosen = int(os.environ.get("REPRISE_TEST_SEED") or random.randrange(2**32))
    print(f"seed: REPRISE_TEST_SEED={chosen}")  # noqa: T201 - pytest shows it on failure
    return chosen
