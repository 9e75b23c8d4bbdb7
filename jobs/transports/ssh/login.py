"""Where a target is and how to get in: its address, the keys, the known hosts."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncssh
from django.conf import settings

from jobs.transports.base import Place
from jobs.transports.errors import HostKeyUnknown, TargetUnusable

PORT = 22


@dataclass(frozen=True, slots=True)
class Login:
    """Everything that makes two targets share a connection, or not."""

    host: str
    port: int
    user: str
    keys: tuple[str, ...]  # files; none: the agent's and ~/.ssh/id_*
    known_hosts: Path

    @property
    def where(self) -> str:
        """The host as people write it: with the port where that is not 22."""
        return self.host if self.port == PORT else f"{self.host} port {self.port}"


def login_of(target: Place) -> Login:
    """Return how to reach a target; TargetUnusable where its address or keys say nothing usable."""
    try:
        parts = urlsplit(target.address)
        port = parts.port or PORT
    except ValueError:  # a port that is none, half of an IPv6 address
        raise _no_address(target) from None
    if parts.scheme != "ssh" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise _no_address(target)
    return Login(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or "") or getpass.getuser(),
        keys=_keys(target),
        known_hosts=settings.REPRISE.ssh_known_hosts,
    )


def client_keys(login: Login) -> list[asyncssh.SSHKeyPair]:
    """Load the key files; TargetUnusable naming the one that is none or needs a passphrase."""
    loaded: list[asyncssh.SSHKeyPair] = []
    for path in login.keys:
        try:
            loaded += asyncssh.load_keypairs(str(Path(path).expanduser()))
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise TargetUnusable(f"The key {path} cannot be used: {error}.") from error
    return loaded


def known_hosts(path: Path) -> asyncssh.SSHKnownHosts:
    """Return what a known_hosts file says; HostKeyUnknown where it cannot be read."""
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError) as error:
        raise HostKeyUnknown(f"No host key is known: {path} cannot be read: {error}.") from error


@lru_cache(maxsize=4)
def _read(path: Path, _mtime: int, _size: int) -> asyncssh.SSHKnownHosts:
    return asyncssh.read_known_hosts(str(path))


def _keys(target: Place) -> tuple[str, ...]:
    own = target.variables.get("ssh_keys", settings.REPRISE.ssh_keys)
    if not isinstance(own, list | tuple) or not all(isinstance(path, str) for path in own):
        raise TargetUnusable(f"ssh_keys of {target.name} must be a list of files.")
    return tuple(own)


def _no_address(target: Place) -> TargetUnusable:
    detail = f"{target.address!r} of {target.name} is no address for ssh"
    return TargetUnusable(f"{detail}: write ssh://user@host:port.")
