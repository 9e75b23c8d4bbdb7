"""How it all began: a proxy that waits five seconds, and an update that takes longer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.followers import LongPollFollower, Plan, WebSocketFollower
from tests.acceptance.following import followed, on_every_transport
from tests.acceptance.paused_commands import commands_paused
from tests.acceptance.proxy import Proxy, in_front_of
from tests.acceptance.up import Up
from tests.support.waiting import auntil, until

CONTROL = "/api/jobs/{job}/events?after={seq}&wait=25&control=1"
SHORTER_THAN_ITS_PATIENCE = 3


@pytest.fixture
def proxy(up: Up, tmp_path: Path) -> Iterator[Proxy]:
    """nginx before the shared copy, whose heartbeat (2 s) lies inside the 5 s."""
    with in_front_of(up.url, tmp_path) as running:
        yield running


async def test_an_update_outlasts_the_proxys_patience_and_nothing_is_lost(
    up: Up, proxy: Proxy, seed: int
) -> None:
    version = up.other_version()
    with up.browser(proxy.url) as client:
        params = {"servers": up.servers, "version": version}
        answer = client.post("/api/jobs", json={"kind": "version-update", "params": params})
        assert answer.status_code == 201, answer.text
        job = answer.json()["id"]
        followers = on_every_transport(up, job, Plan(seed), proxy.url)
        for each in followers:
            if isinstance(each, LongPollFollower):
                each.longest_wait = SHORTER_THAN_ITS_PATIENCE
        async with followed(up, followers):
            await auntil(lambda: up.rows.head(job) >= 40, "the run to be under way")
            gave_up = await asyncio.to_thread(patience_ends, up, client, job)

    assert gave_up == 504, "the proxy was more patient than this test means it to be"
    ended = up.job(job)
    assert ended["status"] == "succeeded", ended["message"]
    for each in followers:
        assert (each.ended, each.losses) == ("succeeded", 0), f"{each}: {each.lost}"
        if not isinstance(each, LongPollFollower):
            assert each.heartbeats >= 2
        if isinstance(each, WebSocketFollower):
            assert each.connections == 1
    assert all(up.fleet.version(name)["version"] == version for name in up.servers)
    nothing_was_given_up(proxy, job)


def patience_ends(up: Up, client: httpx.Client, job: str) -> int:
    """Keep the run silent until nginx has given a request up that gets no heartbeat."""
    with commands_paused(up, job) as seq:
        status = client.get(CONTROL.format(job=job, seq=seq)).status_code
        assert up.rows.head(job) == seq, "the run was not silent"
        return status


def nothing_was_given_up(proxy: Proxy, job: str) -> None:
    """The access log has what should be there, and no 499, 502 or 504."""
    until(lambda: any(line["status"] == 101 for line in proxy.log()), "the WebSocket's line")
    lines = [line for line in proxy.log() if "control" not in line["uri"]]
    assert [line for line in lines if line["status"] >= 400] == [], proxy.errors()
    assert statuses(lines, "POST", "/api/jobs") == {201}
    assert statuses(lines, "GET", f"/ws/jobs/{job}/") == {101}
    assert statuses(lines, "GET", f"/api/jobs/{job}/stream") == {200}
    assert statuses(lines, "GET", f"/api/jobs/{job}/events") == {200}


def statuses(lines: list[dict[str, Any]], method: str, path: str) -> set[int]:
    """Return the statuses of the requests for a path."""
    wanted = (method, path)
    return {e["status"] for e in lines if (e["method"], e["uri"].partition("?")[0]) == wanted}


def test_guesses_are_counted_by_the_address_that_the_proxy_sees(up: Up, proxy: Proxy) -> None:
    pretended = [f"203.0.113.{number}" for number in range(1, 21)]
    # The waits double: however slow the guesses are, one of them comes too early.
    assert 429 in (guess(proxy.url, "nobody-1", address) for address in pretended)
    # The web process itself believes nobody whom it does not know as a proxy.
    assert 429 in (guess(up.url, "nobody-2", address) for address in pretended)


def guess(url: str, name: str, pretended: str) -> int:
    """Try a password as somebody at an address that the request names; return the status."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        client.get("/sign-in").raise_for_status()
        form = {"username": name, "password": "guess"}
        form["csrfmiddlewaretoken"] = client.cookies["reprise_csrf"]
        headers = {"Origin": url, "X-Forwarded-For": pretended}
        return client.post("/sign-in", data=form, headers=headers).status_code
