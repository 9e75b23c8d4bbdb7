"""What every follower does: choose a cursor, hold a connection to the protocol, be cut, resume."""

from __future__ import annotations

import asyncio
import json
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

FOLLOW_SECONDS = 400.0
TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Plan:
    """How often a follower is cut, and after at most how many events each time; 0 cuts: never."""

    seed: int
    cuts: int = 0
    stretch: int = 60


class Cut(Exception):
    """The plan says that the connection ends here."""


class Lost(Exception):
    """The connection ended although nobody here wanted it to; the protocol says: come back."""


class Follower(ABC):
    """Follows a job to its end; `texts[n - 1]` is what came as the event of seq n.

    `cuts` counts the connections that it cut, `losses` those that were lost (`lost` says how),
    `heartbeats` what its name says; `ended` is the terminal status once `end` has come.
    """

    transport: ClassVar[str]

    def __init__(self, url: str, token: str, job: str, plan: Plan) -> None:
        self.url, self.token, self.job, self.plan = url, token, job, plan
        self.rng = random.Random(f"{plan.seed} {self.transport}")
        self.texts: list[bytes] = []
        self.cuts = self.losses = self.heartbeats = self.connections = 0
        self.lost: list[str] = []
        self.ended = ""
        self.at = 0  # the seq that the present connection has come to
        self._left: int | None = None  # events until the present connection is cut

    async def follow(self) -> Follower:
        """Follow to the end, however often that takes a connection; return oneself."""
        async with asyncio.timeout(FOLLOW_SECONDS):
            while not self.ended:
                await self._once()
        return self

    async def _once(self) -> None:
        cursor = self._begin()
        try:
            await self.connect(cursor)
        except Cut:
            self.cuts += 1
        except Lost as lost:
            self.losses += 1
            self.lost.append(str(lost))
        if not self.ended:  # events gather meanwhile, so that there is something to catch up
            await asyncio.sleep(self.rng.uniform(0.05, 0.3))

    @abstractmethod
    async def connect(self, cursor: str) -> None:
        """Hold one connection from a cursor; raise Cut or Lost, or return to resume."""

    def _begin(self) -> str:
        """Choose where to resume: mostly at the last event, sometimes at an earlier one."""
        self.at = len(self.texts)
        if self.plan.cuts and self.rng.random() < 0.25:
            self.at = self.rng.randint(0, self.at)
        self.connections += 1
        more = self.cuts < self.plan.cuts
        self._left = self.rng.randint(0, self.plan.stretch) if more else None
        if not self.at:
            return "0"
        digest = hash8(self.texts[self.at - 1])
        return f"{self.at}-{digest}" if self.rng.random() < 0.7 else str(self.at)

    def greeted(self) -> None:
        """Take note of an answer's beginning; some are cut right there."""
        self._spend(0)

    def take(self, raw: bytes) -> None:
        """Take the next event: it must be the next, and what it was if it came before."""
        seq = self.at + 1
        assert raw.startswith(b'{"seq":%d,' % seq), f"{self} wanted {seq}, got {raw[:60]!r}"
        if seq <= len(self.texts):
            assert self.texts[seq - 1] == raw, f"{self}: event {seq} came with other bytes"
        else:
            self.texts.append(raw)
        self.at = seq
        self._spend(1)

    def _spend(self, events: int) -> None:
        if self._left is not None:
            self._left -= events
            if self._left <= 0:
                raise Cut

    def __repr__(self) -> str:
        return f"{self.transport} follower (seed {self.plan.seed}, at {self.at})"


class Order:
    """The order of what one connection of a stream gets, from `hello` to `end`."""

    def __init__(self, follower: Follower, cursor: str) -> None:
        self._follower, self._cursor = follower, cursor
        self._greeted = self._caught_up = False
        self.ended = False

    def event(self, raw: bytes) -> None:
        """Hold an event to the order, and take it."""
        assert self._greeted, f"{self._follower}: an event before hello"
        assert not self.ended, f"{self._follower}: an event after end"
        self._follower.take(raw)

    def control(self, frame: dict[str, Any]) -> None:
        """Hold a frame or message other than events to the order."""
        follower, at = self._follower, self._follower.at
        assert not self.ended, f"{follower}: {frame} after end"
        assert self._greeted == (frame["kind"] not in ("hello", "error")), f"{follower}: {frame}"
        match frame:
            case {"kind": "hello"}:
                self._hello(frame)
            case {"kind": "caught_up", "seq": seq, "head": head}:
                assert not self._caught_up, f"{follower}: caught up twice"
                assert seq == at <= head, f"{follower}: {frame}"
                self._caught_up = True
            case {"kind": "fell_behind", "seq": seq, "head": head}:
                assert self._caught_up, f"{follower}: {frame}"
                assert seq == at <= head, f"{follower}: {frame}"
                self._caught_up = False
            case {"kind": "heartbeat", "head": head}:
                assert head >= at, f"{follower}: {frame}"
                follower.heartbeats += 1
            case {"kind": "end", "seq": seq, "status": status}:
                assert self._caught_up, f"{follower}: {frame}"
                assert (seq, status in TERMINAL) == (at, True), f"{follower}: {frame}"
                self.ended, follower.ended = True, status
            case {"kind": "error"}:
                _refused(follower, frame)
            case _:
                raise AssertionError(f"{follower}: what is {frame}?")

    def _hello(self, frame: dict[str, Any]) -> None:
        follower = self._follower
        assert not self._greeted, f"{follower}: hello twice"
        told = (frame["protocol"], frame["job"], frame["after"])
        assert told == (1, follower.job, self._cursor), f"{follower}: {frame}"
        assert frame["head"] >= follower.at, f"{follower}: {frame}"
        assert frame["heartbeat_s"] > 0, f"{follower}: {frame}"
        self._greeted = True
        follower.greeted()


def _refused(follower: Follower, frame: dict[str, Any]) -> NoReturn:
    assert frame["retry_after_s"] is not None, f"{follower} was refused for good: {frame}"
    raise Lost(str(frame))


def hash8(raw: bytes) -> str:
    """Return the first 8 digits of the hash that ends an event."""
    return raw[-66:-58].decode()


def sliced(text: str) -> list[bytes]:
    """Return the members of the array `events` of a JSON text, as they stand in it.

    Cut out of the raw text, not parsed and written again: the bytes are what is compared.
    """
    start = text.index('"events":[') + len('"events":[')
    found: list[bytes] = []
    while text[start] != "]":
        start += text[start] == ","
        _value, end = _DECODER.raw_decode(text, start)
        found.append(text[start:end].encode())
        start = end
    return found
