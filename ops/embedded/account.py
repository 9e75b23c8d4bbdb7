"""The user that a server runs as: Postgres refuses root, and Valkey does not need it."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.errors import CannotStart


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine that a server's process becomes."""

    name: str
    uid: int
    gid: int

    def can(self, right: str, path: Path) -> bool:
        """Say whether this user has the right (`r`, `w` or `x`, as test(1) has them) on the path.

        Asked of the kernel in a process of that user, since a folder above may be closed to it.
        """
        asked = subprocess.run(
            ["/usr/bin/test", f"-{right}", path],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return asked.returncode == 0


def server_account(data: Path | None = None) -> Account | None:
    """Return the user that a server must become, or None to stay who we are.

    Root becomes the owner of `data` where that exists, else `postgres`, else `nobody` (a bare
    Debian has no user `postgres`). CannotStart where root has neither.
    """
    if os.geteuid() != 0:
        return None
    if data is not None and data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, user.pw_uid, user.pw_gid)
    raise CannotStart("Postgres refuses root, and this machine has no user `postgres` or `nobody`.")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
