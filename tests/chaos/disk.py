"""Disks of targets that can be full: small ones as root, and otherwise a limit that acts like it.

Root mounts a tmpfs of a few megabytes on each target's folder and fills it up: writes there fail
with `ENOSPC`. Who may not mount has the target's commands run under a limit of 4 KiB a file while
the disk is "full": `EFBIG`, and only for what begins meanwhile.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

MEGABYTES = 8
FILLER = ".filler"
FULL = ".full"
_UNDER_LIMIT = '[ ! -e "$0" ] || ulimit -f 8; exec "$@"'


class Disks(Protocol):
    """The disks of a site's targets, each under the target's folder."""

    how: str

    def command(self, folder: str, argv: Sequence[str]) -> list[str]:
        """Return the command line that has a target's command feel its disk."""

    def fill(self, folder: Path) -> None:
        """Let there be no more room."""

    def free(self, folder: Path) -> None:
        """Let there be room again."""

    def close(self) -> None:
        """Take away what was mounted."""


class Small:
    """A tmpfs on each folder."""

    how = f"a tmpfs of {MEGABYTES} MB on each target's folder, filled up"

    def __init__(self) -> None:
        self._mounted: list[Path] = []

    def mount(self, folder: Path) -> bool:
        """Mount one; return whether we may."""
        command = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={MEGABYTES}m,mode=755",
            "tmpfs",
            str(folder),
        ]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            return False
        self._mounted.append(folder)
        return True

    def command(self, folder: str, argv: Sequence[str]) -> list[str]:
        """Return it as it is."""
        return list(argv)

    def fill(self, folder: Path) -> None:
        """Write until there is no room, down to the last byte."""
        with (folder / FILLER).open("wb", buffering=0) as filler:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def free(self, folder: Path) -> None:
        """Delete what fills it."""
        (folder / FILLER).unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount all, also where somebody still works there."""
        while self._mounted:
            command = ["umount", "--lazy", str(self._mounted.pop())]
            subprocess.run(command, capture_output=True, check=False)


class Limited:
    """A limit to the files that a target's commands write."""

    how = "a limit of 4 KiB a file for the target's commands (only root can mount small disks)"

    def command(self, folder: str, argv: Sequence[str]) -> list[str]:
        """Return it run by a shell that sets the limit while the disk is full."""
        return ["/bin/sh", "-c", _UNDER_LIMIT, f"{folder}/{FULL}", *argv]

    def fill(self, folder: Path) -> None:
        """Have the limit from now on."""
        (folder / FULL).touch()

    def free(self, folder: Path) -> None:
        """Have none."""
        (folder / FULL).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing was mounted."""


def disks(folders: Sequence[Path]) -> Disks:
    """Return disks for these folders, which are made here, empty: small ones where we may mount."""
    for folder in folders:
        folder.mkdir(parents=True)
    small = Small()
    if all(small.mount(folder) for folder in folders):
        return small
    small.close()
    return Limited()
