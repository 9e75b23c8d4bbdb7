"""What opens a connection: the key files and the known hosts, read by asyncssh."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import asyncssh

from jobs.transports.errors import HostKeyUnknown, TargetUnusable
from jobs.transports.ssh.login import Login


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
    """Return what a known_hosts file says; HostKeyUnknown if it cannot be read."""
    try:
        state = path.stat()
        return _read_known_hosts(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError) as error:
        raise HostKeyUnknown(f"No host key is known: {path} cannot be read: {error}.") from error


@lru_cache(maxsize=4)
def _read_known_hosts(path: Path, _mtime: int, _size: int) -> asyncssh.SSHKnownHosts:
    return asyncssh.read_known_hosts(str(path))
