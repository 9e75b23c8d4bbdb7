"""Both servers: the client is who connects, unless a proxy that is named says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import websockets

from tests.support.live_server import LiveServer, live_server
from tests.support.services import Services

NAMED = "127.0.0.1"


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["", NAMED], ids=["none named", "named"])
def trusted(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def scene(services: Services, server: str, trusted: str) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(
            database_url,
            services.valkey.url,
            server,
            REPRISE_TRUSTED_PROXIES=trusted,
            REPRISE_SIGN_IN_ATTEMPTS="2",
        ) as started,
    ):
        yield started


def guess(url: str, address: str) -> int:
    """Try a password as somebody at an address that the request names; return the status."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        client.get("/sign-in").raise_for_status()
        form = {"username": "alice", "password": "guess"}
        form["csrfmiddlewaretoken"] = client.cookies["reprise_csrf"]
        return client.post("/sign-in", data=form, headers={"X-Forwarded-For": address}).status_code


def test_guesses_count_for_the_client_s_address(scene: LiveServer, trusted: str) -> None:
    # The waits double: however slow the guesses are, one of them comes too early.
    statuses = {guess(scene.web.url, f"203.0.113.{number}") for number in range(12)}
    assert statuses == ({200} if trusted else {200, 429})


async def test_a_page_s_scheme_is_what_a_named_proxy_says(scene: LiveServer, trusted: str) -> None:
    headers = {"Origin": scene.web.url.replace("http", "https"), "X-Forwarded-Proto": "https"}
    opening = websockets.connect(
        f"{scene.web.ws}/ws/feed/", additional_headers=headers, open_timeout=60
    )
    if trusted:
        async with opening:
            pass
    else:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await opening
        assert refused.value.response.status_code == 403
