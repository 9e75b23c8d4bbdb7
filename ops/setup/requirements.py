"""`ops/lock`: lock what requirements/*.in name, and say for which Pythons it can be had.

A set takes its versions from the larger one before it, so that what production installs is what the
tests ran on. Versions stay as they are unless --upgrade is given or a requirement excludes them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ops.launcher.__main__ import guarded
from ops.setup import run, say, venv
from ops.setup.clone import Clone, tool_environment

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# Each with the set that its versions are taken from.
SETS = {
    "dev": None,
    "local": "dev",
    "service": "local",
    "client": "service",
    "watch": "dev",
    "plugin": "dev",
    "build": None,
    "uv": None,
    "sbom": None,
}
# These have no wheels. They are pure Python, so any of the Pythons can build them.
SOURCES = ("django-grip", "gripcontrol", "pubcontrol")
COMPILE = (
    "pip", "compile", "--universal", "--python-version", PYTHONS[0], "--generate-hashes",
    "--no-emit-index-url",
)  # fmt: skip


def main() -> int:
    """Lock the sets and check them; CannotStart names the one that cannot be resolved."""
    parser = argparse.ArgumentParser(prog="ops/lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="lock nothing, check what is locked")
    options = parser.parse_args()
    clone = Clone.from_env()
    uv = venv.ensure_uv(clone)
    if not options.check:
        for name, larger in SETS.items():
            with say.step(f"Locking {name}"):
                _compile(clone, uv, name, larger, upgrade=options.upgrade)
    for version in PYTHONS:
        with say.step(f"Resolving for Python {version}"):
            check_python(clone, uv, version)
    return 0


def check_python(clone: Clone, uv: Path, version: str) -> None:
    """CannotStart unless all that is locked can be had for a Python, which need not be here."""
    sources = [word for name in SOURCES for word in ("--no-binary", name)]
    with tempfile.TemporaryDirectory() as folder:
        target = ["--dry-run", "--target", folder, "--python-version", version]
        command: list[str | Path] = [uv, "pip", "install", *target, "--only-binary", ":all:"]
        for name in ("dev", "build"):
            locked = ["--require-hashes", "-r", f"requirements/{name}.txt"]
            _run(clone, f"Resolving {name} for Python {version}", [*command, *sources, *locked])


def _compile(clone: Clone, uv: Path, name: str, larger: str | None, *, upgrade: bool) -> None:
    files = [f"requirements/{name}.in", "-o", f"requirements/{name}.txt"]
    within = ["-c", f"requirements/{larger}.txt"] if larger else []
    newest = ["--upgrade"] if upgrade else []
    _run(clone, f"Locking {name}", [uv, *COMPILE, *newest, *within, *files])


def _run(clone: Clone, what: str, command: list[str | Path]) -> None:
    log, env = clone.log / "setup.log", tool_environment(clone)
    run.run(what, command, log=log, env=env, cwd=clone.root)


if __name__ == "__main__":
    sys.exit(guarded(main, "lock"))
