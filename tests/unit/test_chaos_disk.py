"""The disk of a target that ops/chaos can fill without being root."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.chaos.disk import Limited


def writes(disk: Limited, folder: Path, size: int) -> bool:
    """Return whether a target's command can write a file of so many bytes."""
    script = 'head -c "$1" /dev/zero > "$2"'
    words = ["/bin/sh", "-c", script, "sh", str(size), str(folder / "file")]
    ran = subprocess.run(disk.command(str(folder), words), capture_output=True, check=False)
    return ran.returncode == 0


def test_while_it_is_full_commands_can_leave_a_note_and_no_more(tmp_path: Path) -> None:
    disk = Limited()
    assert writes(disk, tmp_path, 100_000)
    disk.fill(tmp_path)
    assert not writes(disk, tmp_path, 100_000)
    assert writes(disk, tmp_path, 1_000)
    disk.free(tmp_path)
    assert writes(disk, tmp_path, 100_000)
