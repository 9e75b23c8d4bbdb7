"""No source file is longer than 345 lines: past that it is more than one thing."""

from __future__ import annotations

import subprocess
import sys

from ops.setup.clone import ROOT

LONGEST = 345
PATTERNS = ("*.py", "*.ts", "*.css", "*.sh", "*.html", "ops/*", ".ci/*")
PROSE = (".md",)


def too_long() -> list[tuple[int, str]]:
    """Return (lines, path) of every source file of the clone that is over the limit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PATTERNS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [path for path in listed.stdout.split("\0") if path and not path.endswith(PROSE)]
    counted = [(_lines(path), path) for path in paths if (ROOT / path).is_file()]
    return sorted((row for row in counted if row[0] > LONGEST), reverse=True)


def _lines(path: str) -> int:
    return (ROOT / path).read_bytes().count(b"\n")


if __name__ == "__main__":
    found = too_long()
    for lines, path in found:
        print(f"{path}: {lines} lines, {LONGEST} at most")
    sys.exit(1 if found else 0)
