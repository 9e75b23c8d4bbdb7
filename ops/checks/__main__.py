"""`ops/check`: format, lint, types, imports, leftovers, Django's checks, migrations, lengths.

All of them run before it says what failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ops.launcher.__main__ import guarded
from ops.setup import frontend, say, venv
from ops.setup.clone import Clone

AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Check:
    """A command that says nothing bad: exit status 0."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check went."""

    check: Check
    passed: bool
    seconds: float
    output: str


CHECKS = (
    Check("format (ruff)", ("ruff", "format", "--check", ".")),
    Check("lint (ruff)", ("ruff", "check", ".")),
    Check("types (mypy)", ("mypy",)),
    Check("TypeScript (tsc, biome)", ("npm", "run", "--silent", "check")),
    Check("imports (import-linter)", ("lint-imports", "--no-cache")),
    Check("dead code (vulture)", ("vulture",)),
    Check("requirements (deptry)", ("deptry", ".", "--no-ansi")),
    Check("duplicates (jscpd)", ("jscpd", "--no-colors")),
    # Only errors fail: in a clone whose front end is not built yet, its manifest is missed.
    Check("Django's own", ("python", "manage.py", "check", "--fail-level", "ERROR")),
    Check("migrations", ("python", "-m", "ops.checks.migrations")),
    Check("file lengths", ("python", "-m", "ops.checks.lengths")),
    Check("circles", ("python", "-m", "ops.checks.structure", "jobs", "streams", "jobs/run")),
    Check("function names", ("python", "-m", "ops.checks.names")),
)


@dataclass(frozen=True, slots=True)
class Tools:
    """The environments that Python's tools and npm run in."""

    python: Mapping[str, str]
    npm: Mapping[str, str]

    @classmethod
    def install(cls, clone: Clone) -> Tools:
        """Install what checks and tests need, where it is not yet; return how to run it."""
        venv.ensure(clone, "dev")
        npm = frontend.ensure_packages(clone, frontend.find_node(clone))
        return cls(venv.environment(clone), npm)

    def environment(self, command: Sequence[str]) -> Mapping[str, str]:
        """Return the environment that a command is to run in."""
        return self.npm if command[0] == "npm" else self.python


FIXES = (
    ("ruff", "check", "--fix", "--quiet", "."),
    ("ruff", "format", "--quiet", "."),
    ("npm", "run", "--silent", "format"),
)


def main() -> int:
    """Run `ops/check` with the command line's options; return its exit status."""
    parser = argparse.ArgumentParser(prog="ops/check", description=__doc__)
    parser.add_argument("--fix", action="store_true", help="format, and mend what can be, first")
    return check_all(Clone.from_env(), fix=parser.parse_args().fix)


def check_all(clone: Clone, *, fix: bool = False) -> int:
    """Run every check, printing a line for each as it ends; return 1 if any failed, else 0."""
    tools = Tools.install(clone)
    for command in FIXES if fix else ():
        _output(command, clone, tools)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda check: _run(clone, check, tools), CHECKS))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        say.line(f"\n{outcome.check.name}: {' '.join(outcome.check.command)}\n{outcome.output}")
    return 1 if failed else 0


def _run(clone: Clone, check: Check, tools: Tools) -> Outcome:
    began = time.monotonic()
    code, output = _output(check.command, clone, tools)
    took = time.monotonic() - began
    sign = "✗" if code else "✓"
    say.line(f"  {sign} {check.name:<{say.WIDTH}}{say.seconds(took):>9}")
    return Outcome(check, code == 0, took, output.strip())


def _output(command: Sequence[str], clone: Clone, tools: Tools) -> tuple[int, str]:
    ran = subprocess.run(
        command,
        cwd=clone.root,
        env=tools.environment(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return ran.returncode, ran.stdout


if __name__ == "__main__":
    sys.exit(guarded(main, "check"))
