"""This clone: where its parts are, and the environment that its tools run in."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ops.errors import CannotStart

ROOT = Path(__file__).resolve().parent.parent.parent
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Clone:
    """The paths that a start works with; `state` and `venv` may lie outside the clone."""

    root: Path
    state: Path
    venv: Path

    @classmethod
    def from_env(cls) -> Clone:
        """Take REPRISE_STATE and REPRISE_VENV where they are set, else `.state` and `.venv`."""
        return cls(
            root=ROOT,
            state=Path(os.environ.get("REPRISE_STATE") or ROOT / ".state").absolute(),
            venv=Path(os.environ.get("REPRISE_VENV") or ROOT / ".venv").absolute(),
        )

    @property
    def python(self) -> Path:
        """The virtual environment's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def log(self) -> Path:
        """The folder of the logs."""
        return self.state / "log"


def tool_environment(clone: Clone) -> dict[str, str]:
    """Return the environment for installers: the system's certificates, caches that can be written.

    pip and Node find the system's certificates by settings of their own, uv carries others: all are
    pointed at the system's file unless told otherwise. A user without a home gets caches beside the
    virtual environment.
    """
    env = dict(os.environ)
    if CERTIFICATES.is_file():
        env.setdefault("SSL_CERT_FILE", env.get("PIP_CERT") or str(CERTIFICATES))
        env.setdefault("NODE_EXTRA_CA_CERTS", env["SSL_CERT_FILE"])
    if "PIP_INDEX_URL" in env:
        env.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    if not _writable_home():
        caches = clone.venv.parent / f"{clone.venv.name}-caches"
        env.setdefault("UV_CACHE_DIR", str(caches / "uv"))
        env.setdefault("PIP_CACHE_DIR", str(caches / "pip"))
        env.setdefault("npm_config_cache", str(caches / "npm"))
    return env


def need_space(folder: Path, megabytes: int) -> None:
    """CannotStart unless the disk that the folder is (or will be) on has this much free space."""
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free // 1_000_000
    if free < megabytes:
        raise CannotStart(f"The disk of {folder} has {free} MB free; {megabytes} MB are needed.")


def _writable_home() -> bool:
    try:
        with tempfile.TemporaryFile(dir=Path.home()):
            return True
    except (OSError, RuntimeError):
        return False
