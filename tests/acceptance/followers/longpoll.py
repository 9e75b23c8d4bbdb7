"""The follower by long poll."""

from __future__ import annotations

import asyncio
import json

import httpx

from tests.acceptance.followers.base import TERMINAL, Cut, Follower, Lost, hash8, sliced

READ_SECONDS = 60.0
PASSING = {429, 502, 503, 504}


class LongPollFollower(Follower):
    """Asks `/api/jobs/<id>/events` again and again; is cut in an answer or while it waits."""

    transport = "longpoll"
    longest_wait = 20

    async def connect(self, cursor: str) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with httpx.AsyncClient(
                base_url=self.url, headers=headers, timeout=READ_SECONDS, trust_env=False
            ) as client:
                while not self.ended:
                    cursor = await self._ask(client, cursor)
        except httpx.TransportError as error:
            raise Lost(repr(error)) from error

    async def _ask(self, client: httpx.AsyncClient, cursor: str) -> str:
        limit = self.rng.choice([1, 7, 100, 1000])
        wait = self.rng.choice([0.2, 1, 5, self.longest_wait])
        query = f"after={cursor}&limit={limit}&wait={min(wait, self.longest_wait):g}"
        patience = self.rng.uniform(0.05, 1) if self._is_impatient() else None
        try:
            async with asyncio.timeout(patience):
                answer = await client.get(f"/api/jobs/{self.job}/events?{query}")
        except TimeoutError as error:
            raise Cut from error
        return self._answer(answer, cursor, limit)

    def _is_impatient(self) -> bool:
        return self._left is not None and self.rng.random() < 0.1

    def _answer(self, answer: httpx.Response, cursor: str, limit: int) -> str:
        if answer.status_code in PASSING:
            raise Lost(f"status {answer.status_code}")
        assert answer.status_code == 200, f"{self}: {answer.status_code} {answer.text}"
        assert answer.headers["Cache-Control"] == "no-store"
        text = answer.content.decode()
        reported, came = json.loads(text), sliced(text)
        assert (reported["job"], reported["after"]) == (self.job, cursor), f"{self}: {text[:200]}"
        assert len(came) == len(reported["events"]) <= limit
        for raw in came:
            self.take(raw)
        after = f"{self.at}-{hash8(came[-1])}" if came else cursor
        assert reported["next"] == after, f"{self}: next is {reported['next']}"
        assert reported["head"] >= self.at
        if reported["end"]:
            assert reported["status"] in TERMINAL, f"{self}: {reported['status']}"
            self.ended = reported["status"]
        return after
