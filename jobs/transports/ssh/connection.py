"""Connections to hosts, one to each: made once, its host key checked, kept while it is in use.

A connection says what it died of, and is kept a bit longer than it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import asyncssh
from django.conf import settings

from jobs.transports.errors import (
    HostHung,
    HostKeyUnknown,
    HostKeyWrong,
    HostLost,
    HostUnreachable,
    KeyRefused,
    TargetUnusable,
    TransportError,
)
from jobs.transports.ssh.login import Login

SESSIONS = 8  # commands at a time over a connection; sshd allows 10 unless told otherwise
IDLE_SECONDS = 30.0
KEEPALIVES = 2  # unanswered ones before a host counts as hung


class SshConnection(asyncssh.SSHClient):
    """A connection to a login's host; `connected` makes it on first use."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.users = 0  # commands that run over it, or are about to
        self.commands = 0  # those of them that run
        self.is_over = False
        self.is_retired = False  # takes no more commands
        self._met = False
        self._reason: Exception | None = None
        self._offered: asyncssh.SSHKey | None = None
        self._known = _known_hosts(login.known_hosts)
        self._proof = _proof_options(login)
        self._making: asyncio.Task[asyncssh.SSHClientConnection] | None = None

    async def connected(self) -> asyncssh.SSHClientConnection:
        """Return the connection, making it first; TransportError, the same for all who wait."""
        if self._making is None:
            self._making = asyncio.create_task(self._open_connection())
        return await asyncio.shield(self._making)

    def close(self) -> None:
        """Give the connection up, with everything that still runs over it."""
        self.is_over = True
        if self._making is None:
            return
        if not self._making.done():
            self._making.cancel()
        elif not self._making.cancelled() and self._making.exception() is None:
            self._making.result().abort()

    def retire(self) -> None:
        """Take no more commands, and end with the last that uses it; at once where that is one."""
        self.is_retired = True
        if self.users <= 1:
            self.close()

    def lost(self, error: Exception | None) -> TransportError:
        """Return what it means for a command that its session ended without an exit status."""
        where, reason = self.login.where, self._reason or error
        if isinstance(reason, asyncssh.ConnectionLost) and "keepalive" in reason.reason:
            return HostHung(
                f"{where} went silent while the command ran: how far it came is not known."
            )
        if self.is_over:
            return HostLost(
                f"The connection to {where} ended while the command ran: "
                "how far it came is not known."
            )
        if isinstance(error, asyncssh.ChannelOpenError):
            return TransportError(f"{where} runs no command: {error.reason}.")
        return HostLost(f"{where} did not say how the command ended.")

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Note that somebody took the connection (asyncssh calls this)."""
        self._met = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Note what ended the connection (asyncssh calls this)."""
        self.is_over, self._reason = True, exc

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Note which key it was that the known hosts do not have; never accept it."""
        self._offered = key
        return False

    async def _open_connection(self) -> asyncssh.SSHClientConnection:
        login, config = self.login, settings.REPRISE
        try:
            return await asyncssh.connect(
                login.host, login.port,
                config=None,  # somebody's ~/.ssh/config could switch checks off
                client_factory=lambda: self,
                username=login.user,
                known_hosts=self._known,
                **self._proof,
                gss_host=None,
                connect_timeout=config.ssh_connect_seconds,
                keepalive_interval=config.ssh_silence_seconds / (KEEPALIVES + 1),
                keepalive_count_max=KEEPALIVES,
            )  # fmt: skip
        except (asyncssh.Error, OSError) as error:  # TimeoutError is an OSError
            self.is_over = True
            raise self._explain_refusal(error) from error

    def _explain_refusal(self, error: Exception) -> TransportError:
        login, seconds = self.login, settings.REPRISE.ssh_connect_seconds
        match error:
            case asyncssh.HostKeyNotVerifiable():
                return self._unknown_key(error.reason)
            case asyncssh.KeyExchangeFailed() if "host key" in error.reason:
                return self._unknown_key(error.reason)
            case asyncssh.PermissionDenied():
                return KeyRefused(f"{login.where} refused {login.user} with {_proof_words(login)}.")
            case TimeoutError() if self._met:
                detail = f"accepted the connection and sent nothing for {seconds:g} s"
                return HostHung(f"{login.where} {detail}.")
            case TimeoutError():
                return HostUnreachable(f"{login.where} did not answer within {seconds:g} s.")
            case asyncssh.DisconnectError() if self._met:
                return HostUnreachable(f"{login.where} ended the connection: {error.reason}.")
        return HostUnreachable(f"{login.where} cannot be reached: {error}.")

    def _unknown_key(self, reason: str) -> TransportError:
        login = self.login
        port = login.port if login.port != 22 else None
        keys = asyncssh.match_known_hosts(self._known, login.host, "", port)[0]
        shown = f" ({self._offered.get_fingerprint()})" if self._offered else ""
        if self._offered and not keys:
            return HostKeyUnknown(
                f"{login.known_hosts} has no host key of {login.where}{shown}. Compare it with the "
                "host's own, then add it."
            )
        if self._offered:
            return HostKeyWrong(
                f"{login.where} has another host key{shown} than {login.known_hosts} says: the "
                "host was reinstalled, or another machine answers."
            )
        return HostKeyWrong(f"The host key of {login.where} does not fit: {reason}.")


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


def _proof_options(login: Login) -> dict[str, Any]:
    """Return what asyncssh is to prove the user with; TargetUnusable for what it cannot use."""
    own = login.credential
    if own is None:
        keys = _client_keys(login)
        agent = {"agent_path": None} if keys else {}
        return {"client_keys": keys or (), "preferred_auth": "publickey", **agent}
    alone = {"agent_path": None, "client_keys": None}
    if own.type == "password":
        words = "password,keyboard-interactive"
        return {**alone, "password": own.value, "preferred_auth": words}
    if own.type != "ssh_key":
        raise TargetUnusable(f"The credential {own.name} is neither an ssh key nor a password.")
    try:
        key = asyncssh.import_private_key(own.value)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise TargetUnusable(f"The credential {own.name} has no key that can be read.") from None
    return {**alone, "client_keys": [key], "preferred_auth": "publickey"}


def _proof_words(login: Login) -> str:
    if login.credential:
        return f"the credential {login.credential.name}"
    keys = ", ".join(login.keys) or "the agent's and ~/.ssh/id_*"
    return f"every key: {keys}"


def _client_keys(login: Login) -> list[asyncssh.SSHKeyPair]:
    """Load the key files; TargetUnusable naming the one that is none or needs a passphrase."""
    loaded: list[asyncssh.SSHKeyPair] = []
    for path in login.keys:
        try:
            loaded += asyncssh.load_keypairs(str(Path(path).expanduser()))
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise TargetUnusable(f"The key {path} cannot be used: {error}.") from error
    return loaded


def _known_hosts(path: Path) -> asyncssh.SSHKnownHosts:
    """Return what a known_hosts file says; HostKeyUnknown if it cannot be read."""
    try:
        state = path.stat()
        return _read_known_hosts(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError) as error:
        raise HostKeyUnknown(f"No host key is known: {path} cannot be read: {error}.") from error


@lru_cache(maxsize=4)
def _read_known_hosts(path: Path, _mtime: int, _size: int) -> asyncssh.SSHKnownHosts:
    return asyncssh.read_known_hosts(str(path))
