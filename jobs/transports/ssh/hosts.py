"""The hosts of one event loop: one connection to each, kept while it is in use and a bit longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from jobs.transports.ssh.connection import SshConnection
from jobs.transports.ssh.login import Login

SESSIONS = 8  # commands at a time over a connection; sshd allows 10 unless told otherwise
IDLE_SECONDS = 30.0


class Host:
    """A login's host: who uses it, and the link to it while there is one."""

    def __init__(self, login: Login, hosts: dict[Login, Host]) -> None:
        self._login, self._hosts = login, hosts
        self._room = asyncio.Semaphore(SESSIONS)
        self._users = 0
        self._link: SshConnection | None = None
        self._idle: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def link(self) -> AsyncIterator[SshConnection]:
        """Yield the link, connected, when there is room for one more command over it.

        Raises TransportError if there is no connection to be had.
        """
        self._users += 1
        if self._idle:
            self._idle.cancel()
        try:
            async with self._room:
                link = self._link
                if link is None or link.is_over or link.is_retired:
                    link = self._link = SshConnection(self._login)
                link.users += 1
                try:
                    await link.connected()
                    yield link
                finally:
                    link.users -= 1
                    if link.is_retired and not link.users:
                        link.close()
        finally:
            self._users -= 1
            if not self._users:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(IDLE_SECONDS, self._close_link)

    def _close_link(self) -> None:
        if self._link is not None:
            self._link.close()
        del self._hosts[self._login]


_hosts: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Login, Host]] = WeakKeyDictionary()


def host_of(login: Login) -> Host:
    """Return the host that all commands of this event loop for this login share."""
    ours = _hosts.setdefault(asyncio.get_running_loop(), {})
    if login not in ours:
        ours[login] = Host(login, ours)
    return ours[login]
