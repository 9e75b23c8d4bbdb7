"""Fixtures for every suite. Django is set up once; the database behind it changes with each test.

No TransactionTestCase: its flush TRUNCATEs, which the log's guards refuse, and rightly. A test that
takes `database` gets a clone of the migrated template instead, real commits included.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

_STATE = tempfile.TemporaryDirectory(prefix="reprise-tests-")
os.environ["REPRISE_STATE"] = _STATE.name
os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings"
os.environ.pop("DATABASE_URL", None)
os.environ.pop("REDIS_URL", None)

import django  # noqa: E402 - the environment comes first

django.setup()

import pytest  # noqa: E402
from channels.layers import channel_layers  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import override_settings  # noqa: E402

from core.config import database_settings  # noqa: E402
from tests.proxies import noted  # noqa: E402
from tests.services import Services  # noqa: E402

# The real one takes a quarter of a second for each password, on purpose.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Every test client loads the middleware for itself, and this one then reads all static files. What
# it serves is seen where a real server runs: in the acceptance and browser tests.
settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "servestatic" not in name]


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """This process's Postgres and Valkey; nothing is started before it is asked for."""
    started = Services(Path(_STATE.name))
    yield started
    started.stop()


@pytest.fixture
def database(services: Services) -> Iterator[str]:
    """A fresh, migrated database behind Django's connection; the address is the value."""
    connection = connections["default"]
    kept = dict(connection.settings_dict)
    with services.database() as url:
        connection.settings_dict.update(database_settings(url))
        config = replace(settings.REPRISE, database_url=url)
        with override_settings(REPRISE=config):
            yield url
        _disconnect()
        connection.settings_dict.update(kept)


@pytest.fixture
def redis(services: Services) -> Iterator[str]:
    """Valkey behind the channel layer; the address is the value."""
    url = services.valkey.url
    layers = {"default": {**settings.CHANNEL_LAYERS["default"]}}
    layers["default"]["CONFIG"] = {"hosts": [url], "prefix": "reprise"}
    config = replace(settings.REPRISE, redis_url=url)
    with override_settings(CHANNEL_LAYERS=layers, REPRISE=config):
        channel_layers.backends.clear()
        yield url
    channel_layers.backends.clear()


def _disconnect() -> None:
    """Close this thread's connection and the pool, which other threads share."""
    connection = connections["default"]
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # the Postgres backend's


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let nobody leave a test out quietly: a skip mark is an error here."""
    marked = [item.nodeid for item in items for mark in item.iter_markers() if mark.name == "skip"]
    if marked:
        raise pytest.UsageError(f"skipped tests are not allowed: {', '.join(marked)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have noted without asserting it."""
    noted.summarize(terminalreporter)
