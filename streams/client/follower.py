"""The follower: what the core decides, done over a network."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Self

import httpx
from websockets.exceptions import InvalidProxyStatus, WebSocketException

from streams.client.actions import Close, Given, Open, Over, Reset, Signal, Told
from streams.client.addresses import Addresses
from streams.client.backoff import Backoff, Patience
from streams.client.close_reasons import Closed, Lost
from streams.client.core import Core
from streams.client.errors import BadFrame, Refused, Unreachable
from streams.client.fallback import LONG_POLL, OCTETS, SSE, TRANSPORTS, WEBSOCKET, Fallback
from streams.client.fallback import UpgradeTimes as UpgradeTimes
from streams.client.frames import Event
from streams.client.info import Info
from streams.client.transports import longpoll, stream, websocket
from streams.client.transports.http import Door, NoAnswer, failure_reason
from streams.client.transports.pages import CatchUp, Connect

#: What `Follower.stream` yields.
Happening = Given | Told | Reset

# Signals read ahead of the consumer: past this a connection is not read any further.
READ_AHEAD = 16

# After so long a connection that was told to end is told again.
CLOSE_SECONDS = 1.0

CONNECT: Mapping[str, Connect] = {
    WEBSOCKET: websocket.socket_signals,
    SSE: stream.stream_signals,
    OCTETS: stream.stream_signals,
    LONG_POLL: longpoll.poll_signals,
}


class Follower:
    """Follows one job from a cursor: every event exactly once and in order, over whatever transport
    works, through every cut, until the job's end.

    `job` is an address of the job, or its id with `server`. `after` is the cursor of the last event
    that the consumer has. `verify` checks the hash chain (Refused, code `broken_chain`). `restart`
    begins again from 0 on `cursor_ahead` and `history_diverged`, rather than raise. `patience` says
    when to give up (Unreachable): never, by default. With `trust_env` proxies are taken from the
    environment. ValueError where `job` or `transports` name nothing usable, BadCursor for `after`.

    A follower is iterated once at a time. After `close` another iteration goes on where it was.
    """

    def __init__(
        self,
        job: str,
        *,
        server: str = "",
        after: str | int = "0",
        token: str | None = None,
        transports: Sequence[str] = TRANSPORTS,
        verify: bool = False,
        restart: bool = False,
        patience: Patience | None = None,
        upgrade: UpgradeTimes | None = None,
        trust_env: bool = True,
    ) -> None:
        addresses, patience = Addresses(job, server), patience or Patience()
        self.page = addresses.page
        self._door = Door(addresses, token, trust_env)
        self._core = Core(
            addresses.job, str(after), Fallback(transports, upgrade),
            Backoff(random.random, patience.wait_s), patience, verify=verify, restart=restart,
        )  # fmt: skip
        self._stream: AsyncGenerator[Happening, None] | None = None
        # What the core gave out before a close, and nobody took.
        self._untaken: deque[Happening] = deque()
        self._events: deque[Event] = deque()

    @property
    def info(self) -> Info:
        """The connection as it is now."""
        return self._core.info

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close everything; iterating again goes on from here."""
        if self._stream is not None:
            await self._stream.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        """Return the events; they end with the job. Raises Refused and Unreachable."""
        return _Each(self.stream(), self._events)

    def stream(self) -> AsyncGenerator[Happening, None]:
        """Return what happens: events as many as came together (`Given`), what changed about the
        connection (`Told`), and `Reset`. Raises as iterating does."""
        if not self._core.over:
            raise RuntimeError("This follower is being iterated already: close it first.")
        self._stream = self._next_happenings()
        return self._stream

    async def _next_happenings(self) -> AsyncGenerator[Happening, None]:
        connections, core = Connections(self._door), self._core
        clock = asyncio.get_running_loop().time
        core.start(clock())
        try:
            while self._untaken:
                yield self._untaken.popleft()
            while True:
                for move in core.moves():
                    match move:
                        case Open():
                            connections.open(move)
                        case Close(number):
                            connections.close(number)
                        case Over(error):
                            if error is None:
                                return
                            kind = Unreachable if error.code == "unreachable" else Refused
                            raise kind(error.code, error.message)
                        case _:
                            yield move
                            core.attend(clock())
                arrived = await connections.next(core.due, clock)
                if arrived is None:
                    core.tick(clock())
                else:
                    core.take(*arrived, clock())
        finally:
            core.stop()
            self._untaken.extend(move for move in core.moves() if isinstance(move, Given | Reset))
            await connections.close_all()


class _Each:
    """One event after the other. No generator: one that is left half-way closes at its own time,
    and what it reads from is closed by the follower."""

    def __init__(self, happenings: AsyncIterator[Happening], events: deque[Event]) -> None:
        self._next_happenings, self._events = happenings, events

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            happening = await anext(self._next_happenings)
            if isinstance(happening, Given):
                self._events.extend(happening.events)
        return self._events.popleft()


class Connections:
    """The open connections, and what they bring, in order."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._catch_up = CatchUp(door)
        self._arrived: asyncio.Queue[tuple[int, Signal]] = asyncio.Queue(READ_AHEAD)
        self._open: dict[int, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def open(self, move: Open) -> None:
        """Connect, in a task of its own."""
        self._open[move.number] = asyncio.create_task(self._read_frames(move))

    def close(self, number: int) -> None:
        """Let go of a connection without waiting for its goodbye."""
        task = self._open.pop(number, None)
        if task is not None:
            task.cancel()
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def next(
        self, due: float | None, clock: Callable[[], float]
    ) -> tuple[int, Signal] | None:
        """Return what a connection brought, or None once `due` has come with nothing there."""
        if not self._arrived.empty():
            return self._arrived.get_nowait()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - clock())):
                return await self._arrived.get()
        return None

    async def close_all(self) -> None:
        """Let go of everything, and wait until it is gone."""
        for number in list(self._open):
            self.close(number)
        while closing := set(self._closing):
            for task in closing:
                task.cancel()  # again: a cancellation may get lost below us (cpython 86296)
            await asyncio.wait(closing, timeout=CLOSE_SECONDS)
        await self._door.close()

    async def _read_frames(self, move: Open) -> None:
        why: Closed | None = None
        try:
            connect = CONNECT[move.transport]
            async with aclosing(self._catch_up.signals(connect, move)) as signals:
                async for signal in signals:
                    await self._arrived.put((move.number, signal))
            return
        except NoAnswer as none:
            why = none.closed
        except BadFrame as error:
            why = Lost("bad_frame", str(error))
        except InvalidProxyStatus as error:
            why = Lost("connect_failed", f"The proxy answered HTTP {error.response.status_code}.")
        except (WebSocketException, ImportError, ValueError) as error:
            # The last two: a proxy in the environment that nothing here can speak to.
            why = Lost("connect_failed", failure_reason(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, EOFError) as error:
            # The network's fault, as far as is known.
            why = Lost("network", failure_reason(error))
        await self._arrived.put((move.number, why))


def follow(job: str, **options: object) -> Iterator[Event]:
    """Yield a job's events where there is no event loop; options and errors as of `Follower`.

    Between two events nothing is read: take them as they come.
    """
    follower = Follower(job, **options)  # type: ignore[arg-type]  # as the class takes them
    with asyncio.Runner() as runner:
        happenings = follower.stream()

        async def one() -> Happening | None:
            return await anext(happenings, None)

        try:
            while (happening := runner.run(one())) is not None:
                if isinstance(happening, Given):
                    yield from happening.events
        finally:
            runner.run(happenings.aclose())
