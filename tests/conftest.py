"""Fixtures for every suite. Django is set up once; the database behind it changes with each test.

No TransactionTestCase: its flush TRUNCATEs, which the log's guards refuse, and rightly. A test that
takes `database` gets a clone of the migrated template instead, real commits included.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Generator, Iterator
from functools import cache

_STATE = tempfile.TemporaryDirectory(prefix="reprise-tests-")
os.environ["REPRISE_STATE"] = _STATE.name
os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings"
# Local commands of most tests write beside the test. Isolation has tests of its own, and is what
# every copy that `ops/up` starts here has.
os.environ["REPRISE_LOCAL"] = "trusted"
os.environ.pop("DATABASE_URL", None)
os.environ.pop("REDIS_URL", None)

import django  # noqa: E402 - the environment comes first

django.setup()

import hypothesis  # noqa: E402
import pytest  # noqa: E402
from django.conf import settings  # noqa: E402

from tests.support.django_servers import using_database, using_valkey  # noqa: E402
from tests.support.proxies import summary  # noqa: E402
from tests.support.services import Services, servers_folder  # noqa: E402

# No test depends on the machine's speed: neither on an example's, nor on that of drawing them.
hypothesis.settings.register_profile(
    "reprise", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("reprise")

# The real one takes a quarter of a second for each password, on purpose.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Every test client loads the middleware for itself, and this one then reads all static files. What
# it serves is seen where a real server runs: in the acceptance and browser tests.
settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "servestatic" not in name]
# httpx makes a TLS context for each client and each `httpx.get`, which is 30 ms of reading
# certificates, several times what a poll costs otherwise. All that tests talk is plain HTTP on
# loopback, so that clients of one process may share what none of them uses.
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]  # a cache has no signature


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """This process's Postgres and Valkey; nothing is started before it is asked for."""
    with servers_folder() as folder:
        started = Services(folder)
        yield started
        started.stop()


@pytest.fixture
def database(services: Services) -> Iterator[str]:
    """A fresh, migrated database behind Django's connection; the address is the value."""
    with services.database() as url, using_database(url):
        yield url


@pytest.fixture
def redis(services: Services) -> Iterator[str]:
    """Valkey behind the channel layer; the address is the value."""
    url = services.valkey.url
    with using_valkey(url):
        yield url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let nobody leave a test out quietly: a skip mark is an error here."""
    marked = [item.nodeid for item in items for mark in item.iter_markers() if mark.name == "skip"]
    if marked:
        raise pytest.UsageError(f"skipped tests are not allowed: {', '.join(marked)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have what a test logs reach xdist's main process, which takes no lone surrogates."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "replace").decode()) for name, text in report.sections
    ]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have noted without asserting it."""
    summary.summarize(terminalreporter)
