"""The follower on server-sent events: `text/event-stream`, or the same bytes as octets."""

from __future__ import annotations

import json

import httpx

from tests.acceptance.followers.base import Follower, Lost, Order, hash8

READ_SECONDS = 60.0
TYPES = {
    "text/event-stream": "text/event-stream; charset=utf-8",
    "application/octet-stream": "application/octet-stream",
}
PASSING = {429, 502, 503, 504}


class SseFollower(Follower):
    """Reads `/api/jobs/<id>/stream`; says its cursor in the header or in the query."""

    transport = "sse"

    async def connect(self, cursor: str) -> None:
        address, headers = self._request(cursor)
        timeout = httpx.Timeout(READ_SECONDS)
        try:
            async with (
                httpx.AsyncClient(timeout=timeout, trust_env=False) as client,
                client.stream("GET", address, headers=headers) as answer,
            ):
                self._check(answer, headers["Accept"])
                order = Order(self, cursor)
                await self._read(answer, order)
        except httpx.TransportError as error:
            raise Lost(repr(error)) from error

    async def comes_back_after_the_end(self) -> int:
        """Return the status that a reconnect with the id of `end` gets (204: do not come back)."""
        last = f"{len(self.texts)}-{hash8(self.texts[-1])}-end"
        address, headers = f"{self.url}/api/jobs/{self.job}/stream", {"Last-Event-ID": last}
        headers["Authorization"] = f"Bearer {self.token}"
        async with httpx.AsyncClient(timeout=READ_SECONDS, trust_env=False) as client:
            return (await client.get(address, headers=headers)).status_code

    def _request(self, cursor: str) -> tuple[str, dict[str, str]]:
        accepted = self.rng.choice(list(TYPES)) if self.plan.cuts else next(iter(TYPES))
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accepted}
        query = f"?after={cursor}"
        if self.rng.random() < 0.5:
            headers["Last-Event-ID"] = cursor
            query = "?after=0"  # the header decides where there is one
        if self.plan.cuts and self.rng.random() < 0.3:
            query += f"&rotate_s={self.rng.choice([0, 1, 5])}"
        return f"{self.url}/api/jobs/{self.job}/stream{query}", headers

    def _check(self, answer: httpx.Response, accepted: str) -> None:
        if answer.status_code in PASSING:
            raise Lost(f"status {answer.status_code}")
        assert answer.status_code == 200, f"{self}: status {answer.status_code}"
        assert answer.headers["Content-Type"] == TYPES[accepted]
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "identity"

    async def _read(self, answer: httpx.Response, order: Order) -> None:
        rest = b""
        async for chunk in answer.aiter_bytes():
            *messages, rest = (rest + chunk).split(b"\n\n")
            for message in messages:
                self._message(message, order)

    def _message(self, message: bytes, order: Order) -> None:
        fields = dict(line.split(b": ", 1) for line in message.split(b"\n") if line[:1] != b":")
        name, data, reported = fields.get(b"event"), fields.get(b"data"), fields.get(b"id", b"")
        if data is None:
            assert set(fields) <= {b"retry"}, f"{self}: a message without data: {message!r}"
        elif name is None:
            assert reported.decode() == f"{self.at + 1}-{hash8(data)}", (
                f"{self}: the id {reported!r}"
            )
            order.event(data)
        else:
            frame = json.loads(data)
            kind = "error" if name == b"stream-error" else name.decode()
            assert frame["kind"] == kind, f"{self}: {message!r}"
            order.control(frame)
