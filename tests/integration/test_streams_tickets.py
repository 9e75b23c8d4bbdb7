"""Streams opened by a ticket: from wherever, as whoever made it, for as long as they may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
import websockets

from core.db import in_thread
from tests.support.clients import Headers, session
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.services import Services

ELSEWHERE = "https://panel.example.org"


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, REPRISE_ACCESS_SECONDS="3600") as started,
    ):
        yield started


async def ticket_for(scene: LiveServer, job: UUID, headers: Headers) -> str:
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        answer = await client.post(f"{scene.web.url}/api/jobs/{job}/tickets")
    assert answer.status_code == 201
    return str(answer.json()["ticket"])


async def test_a_ticket_opens_a_socket_from_wherever(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(3))
    ticket = await ticket_for(scene, job, scene.people.alice.headers)
    url = f"{scene.web.ws}/ws/jobs/{job}/?after=0&ticket={ticket}"
    async with websockets.connect(
        url, additional_headers={"Origin": ELSEWHERE}, open_timeout=60
    ) as opened:
        assert json.loads(await opened.recv())["kind"] == "hello"


@pytest.mark.parametrize("path", ["stream?rotate_s=0", "events?after=0"])
async def test_a_ticket_opens_one_connection(scene: LiveServer, path: str) -> None:
    job = await scene.new_job(outputs(3))
    ticket = await ticket_for(scene, job, scene.people.alice.headers)
    async with httpx.AsyncClient(timeout=60) as client:
        address = f"{scene.web.url}/api/jobs/{job}/{path}&ticket={ticket}"
        answers = [await client.get(address) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    async with websockets.connect(
        f"{scene.web.ws}/ws/jobs/{job}/?ticket={ticket}", open_timeout=60
    ) as opened:
        assert json.loads(await opened.recv())["code"] == "not_signed_in"


async def test_beside_a_ticket_no_cookie_counts(scene: LiveServer) -> None:
    job = await scene.new_job()
    other = await ticket_for(scene, await scene.new_job(), scene.people.alice.headers)
    cookies = session(await in_thread(scene.people.alice.browser))
    for ticket, close in (("nonsense", 4501), ("", 4501), (other, 4504)):
        url = f"{scene.web.ws}/ws/jobs/{job}/?ticket={ticket}"
        headers = {"Origin": ELSEWHERE, **cookies}
        async with websockets.connect(url, additional_headers=headers, open_timeout=60) as opened:
            assert json.loads(await opened.recv())["kind"] == "error"
            with pytest.raises(websockets.ConnectionClosed):
                await opened.recv()
        assert opened.close_code == close


@pytest.mark.parametrize("path", ["stream?rotate_s=0", "events?after=0"])
async def test_a_page_elsewhere_may_read_what_its_ticket_shows(
    scene: LiveServer, path: str
) -> None:
    job = await scene.new_job(outputs(3))
    ticket = await ticket_for(scene, job, scene.people.alice.headers)
    address = f"{scene.web.url}/api/jobs/{job}/{path}"
    async with httpx.AsyncClient(headers={"Origin": ELSEWHERE}, timeout=60) as client:
        shown = await client.get(f"{address}&ticket={ticket}")
        assert shown.status_code == 200
        assert all(text in shown.text for text in scene.rows(job))
        refused = await client.get(f"{address}&ticket=nonsense")
        assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")
        asked = await client.options(f"{address}&ticket={ticket}")
        assert "Last-Event-ID" in asked.headers["Access-Control-Allow-Headers"]
        for answer in (shown, refused, asked):
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
        without = await client.get(address, headers=scene.people.alice.headers)
        assert "Access-Control-Allow-Origin" not in without.headers


async def test_what_a_ticket_opened_ends_with_the_session_that_made_it(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(3))
    browser = await in_thread(scene.people.vera.browser)
    token = {"X-CSRFToken": "x" * 32, "Referer": scene.web.url}
    own = session(browser)
    own = {**token, "Cookie": f"{own['Cookie']}; reprise_csrf={'x' * 32}"}
    ticket = await ticket_for(scene, job, own)
    url = f"{scene.web.ws}/ws/jobs/{job}/?ticket={ticket}"
    async with websockets.connect(url, open_timeout=60) as opened, asyncio.timeout(60):
        while json.loads(await opened.recv())["kind"] != "caught_up":
            pass
        await in_thread(browser.logout)
        assert json.loads(await opened.recv())["code"] == "not_signed_in"
