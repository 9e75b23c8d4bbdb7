"""Runs commands as an ordinary user, who can reach this clone even where it lies in root's home."""

from __future__ import annotations

import pwd
import sys
from pathlib import Path

from ops.setup.clone import ROOT

UID = pwd.getpwnam("games").pw_uid  # every Debian has it, and nothing runs as it

# In a mount namespace of its own: a home that may be entered, with nothing but the folders named.
_ENTER = """
set -e
home=$1
shift
mount --make-rprivate /
mount --bind "$home" /mnt
mount -t tmpfs -o mode=755 tmpfs "$home"
while [ "$1" != -- ]; do
    mkdir -p "$1"
    mount --bind "/mnt${1#"$home"}" "$1"
    shift
done
umount /mnt
shift
exec "$@"
"""


def as_ordinary(command: list[str]) -> list[str]:
    """Return the command as run by an ordinary user; the caller is root."""
    become = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
    return open_home([*become, "--pdeathsig", "TERM", *command])


def as_contained(command: list[str]) -> list[str]:
    """Return the command as run by root with the rights that most containers leave it."""
    return open_home(["setpriv", "--bounding-set", "-sys_admin", *command])


def open_home(command: list[str]) -> list[str]:
    """Return the command as run by root where every user can reach this clone."""
    home = Path.home()
    needed = {str(Path(one).resolve()) for one in (ROOT, sys.prefix, sys.base_prefix)}
    folders = sorted(one for one in needed if one.startswith(f"{home}/"))
    enter = ["unshare", "--mount", "sh", "-c", _ENTER, "home", str(home)]
    return [*enter, *folders, "--", *command]
