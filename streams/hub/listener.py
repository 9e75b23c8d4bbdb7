"""This process's ear on the channel layer: one channel, a group for each followed job.

What comes through here is a hint, so everything may be lost; what must not happen is that a
stopped or frozen Redis holds anything up. Every call has a deadline, and a pulse sent to the own
channel each second shows whether hints would arrive: where it stays away, all is set up anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

logger = logging.getLogger(__name__)

PULSE = "hub.pulse"
CALL_SECONDS = 1.0
PULSE_SECONDS = 1.0
SILENCE_SECONDS = 3.0

Message = Mapping[str, Any]
T = TypeVar("T")


class Layer(Protocol):
    """What is used of a channel layer (Channels' own interface)."""

    async def new_channel(self) -> str: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def send(self, channel: str, message: dict[str, Any]) -> None: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...
    async def flush(self) -> None: ...


class Listener(Protocol):
    """What else this process hears: the messages of one group, and a task that is kept going."""

    def hear(self, message: Message) -> None: ...
    async def run(self) -> None: ...


class LayerLost(Exception):
    """The channel layer does not deliver: set it up anew."""


class ChannelListener:
    """Joins groups on one channel and hands every message to `hear`.

    `groups` are those wanted, whatever the layer's state.
    """

    def __init__(self, make_layer: Callable[[], Layer], hear: Callable[[Message], None]) -> None:
        self.groups: set[str] = set()
        self._up = asyncio.Event()
        self._make_layer = make_layer
        self._hear = hear
        self._layer = make_layer()
        self._channel = ""
        self._heard = 0.0
        self._broken = asyncio.Event()

    async def run(self) -> None:
        """Listen until the layer fails (raises); the supervisor then calls this again."""
        receiver: asyncio.Task[None] | None = None
        try:
            self._broken.clear()
            self._channel = await _call_soon(self._layer.new_channel())
            receiver = asyncio.create_task(self._receive_messages())
            await self._join_all()
            self._up.set()
            await self._watch_receiver(receiver)
        finally:
            self._up.clear()
            if receiver is not None:
                receiver.cancel()
                await asyncio.wait({receiver}, timeout=CALL_SECONDS)
            await self._close_layer()

    @property
    def up(self) -> bool:
        """Whether hints should arrive now."""
        return self._up.is_set()

    async def join(self, group: str) -> None:
        """Want a group's messages; they come once this returns, unless the layer is down.

        A layer that is down now takes the group when it is up again.
        """
        self.groups.add(group)
        if self.up:
            await self._try_call(self._layer.group_add(group, self._channel))
        else:
            with suppress(TimeoutError):
                await _call_soon(self._up.wait())

    async def leave(self, group: str) -> None:
        """Want a group's messages no more."""
        self.groups.discard(group)
        if self.up:
            await self._try_call(self._layer.group_discard(group, self._channel))

    async def _join_all(self) -> None:
        joined: set[str] = set()
        while missing := self.groups - joined:  # more may be wanted meanwhile
            group = missing.pop()
            await _call_soon(self._layer.group_add(group, self._channel))
            joined.add(group)

    async def _try_call(self, call: Awaitable[None]) -> None:
        try:
            await _call_soon(call)
        except Exception as error:  # noqa: BLE001 - whatever a layer raises, it is down
            logger.warning("the channel layer fails: %r", error, extra={"action": "layer_call"})
            self._broken.set()

    async def _receive_messages(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await self._layer.receive(self._channel)
            self._heard = loop.time()
            if message.get("type") != PULSE:
                self._hear(message)

    async def _watch_receiver(self, receiver: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        self._heard = loop.time()
        broken = asyncio.create_task(self._broken.wait())
        try:
            while True:
                await _call_soon(self._layer.send(self._channel, {"type": PULSE}))
                await asyncio.wait(
                    {receiver, broken}, timeout=PULSE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if receiver.done():
                    receiver.result()
                if broken.done() or loop.time() - self._heard > SILENCE_SECONDS:
                    raise LayerLost("the channel layer fails or delivers nothing")
        finally:
            broken.cancel()

    async def _close_layer(self) -> None:
        """Close the layer's connections; one that cannot even do that is left to itself."""
        try:
            await _call_soon(self._layer.flush())
        except Exception as error:  # noqa: BLE001 - it is down already, that is why
            logger.info("the channel layer was left: %r", error, extra={"action": "layer_left"})
            self._layer = self._make_layer()


async def _call_soon(call: Awaitable[T]) -> T:
    async with asyncio.timeout(CALL_SECONDS):
        return await call
