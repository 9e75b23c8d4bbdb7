"""Makes the temporary folder of a series and keeps its logs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch(output: Path) -> Iterator[Path]:
    """Make a folder for everything; at the end the logs of the processes are kept in `output`."""
    folder = Path(tempfile.mkdtemp(prefix="reprise-chaos-"))
    folder.chmod(0o711)  # so that the servers' user reaches its data
    try:
        yield folder
    finally:
        _keep_logs(folder, output / "log")
        shutil.rmtree(folder, ignore_errors=True)


def _keep_logs(folder: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for log in folder.rglob("*.log"):
        shutil.copyfile(log, to / "-".join(log.relative_to(folder).parts))
