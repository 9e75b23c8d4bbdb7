"""Where a target is and how to get in: what its address and variables say."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from jobs.secrets.vault import OpenCredential
from jobs.transports.base import CREDENTIAL, Place
from jobs.transports.errors import TargetUnusable

PORT = 22


@dataclass(frozen=True, slots=True)
class Login:
    """Everything that makes two targets share a connection, or not."""

    host: str
    port: int
    user: str
    keys: tuple[str, ...]  # files; none: the agent's and ~/.ssh/id_*
    known_hosts: Path
    credential: OpenCredential | None = None  # then only this

    @property
    def where(self) -> str:
        """The host as people write it: with the port where that is not 22."""
        return self.host if self.port == PORT else f"{self.host} port {self.port}"


def credential_of(target: Place) -> str:
    """Return the credential that a target's variables name, "" for none; TargetUnusable if odd."""
    name = target.variables.get(CREDENTIAL, "")
    if not isinstance(name, str):
        raise TargetUnusable(f"credential of {target.name} must be the name of one.")
    return name


def login_of(target: Place) -> Login:
    """Return how to reach a target, but for the credential that it may name.

    TargetUnusable if its address, keys or credential say nothing usable.
    """
    credential_of(target)
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
        keys=_key_files(target),
        known_hosts=settings.REPRISE.ssh_known_hosts,
    )


def _key_files(target: Place) -> tuple[str, ...]:
    own = target.variables.get("ssh_keys", settings.REPRISE.ssh_keys)
    if not isinstance(own, list | tuple) or not all(isinstance(path, str) for path in own):
        raise TargetUnusable(f"ssh_keys of {target.name} must be a list of files.")
    return tuple(own)


def _no_address(target: Place) -> TargetUnusable:
    detail = f"{target.address!r} of {target.name} is not an address for ssh"
    return TargetUnusable(f"{detail}: write ssh://user@host:port.")
