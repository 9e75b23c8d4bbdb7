"""A real sshd for tests (`ops.sshd`), and the settings that have Django in this process use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import override_settings

from ops import sshd
from ops.sshd import Sshd, keygen

__all__ = ["Place", "Sshd", "Yard", "keygen", "yard"]


@dataclass(frozen=True)
class Place:
    """A target as transports see it."""

    address: str
    name: str = "box"
    transport: str = "ssh"
    variables: Mapping[str, Any] = field(default_factory=dict)


class Yard(sshd.Yard):
    """Several hosts, a key that opens all of them, and the file that knows them."""

    def config(self, silence: float = 3.0) -> override_settings:
        """Have Django in this process use both, and wait `silence` seconds at most."""
        return override_settings(
            REPRISE=settings.REPRISE.with_changes(
                ssh_keys=(str(self.key),),
                ssh_known_hosts=self.known_hosts,
                ssh_silence_seconds=silence,
                ssh_connect_seconds=5.0,
            )
        )


@contextmanager
def yard(folder: Path, hosts: int = 1) -> Iterator[Yard]:
    """Run so many hosts."""
    with sshd.yard(folder, hosts) as made:
        yield Yard(made.folder, made.hosts)
