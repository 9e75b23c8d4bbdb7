"""A web process that has the recorded histories, exactly as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.replay import histories
from tests.support.live_server import LiveServer, live_server
from tests.support.services import Services


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with services.database() as url, live_server(url, services.valkey.url) as started:
        for name in histories.NAMES:
            histories.load(histories.read(name), url)
        yield started
