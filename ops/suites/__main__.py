"""`ops/test`: check the sources, then run every suite; the last line counts all tests.

A suite that fails does not keep the others from running. One that has no tests is a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.checks.__main__ import Tools, check_all
from ops.launcher.__main__ import guarded
from ops.setup import frontend, say
from ops.setup.clone import Clone
from ops.suites import debian

CPUS = os.cpu_count() or 1
PARALLEL = ("-n", str(min(max(CPUS, 2), 4)), "--dist", "worksteal")
# acceptance and browser each run whole copies of the project: one at a time is enough for a machine
SUITES: Mapping[str, tuple[str, ...]] = {
    "unit": PARALLEL,
    "replay": PARALLEL,
    "integration": PARALLEL,
    "acceptance": (),
    "browser": (),
}
PROGRAMS = {"acceptance": ["nginx"], "browser": ["chromium", "libatomic"]}
FRONTEND, CHECK = "frontend", "check"


@dataclass(frozen=True, slots=True)
class Result:
    """What a suite came to; `broken` when it failed in a way that no count shows."""

    name: str
    passed: int
    failed: int
    seconds: float
    broken: bool = False

    @property
    def line(self) -> str:
        """The suite's row in the closing table."""
        sign = "✗" if self.failed or self.broken else "✓"
        counts = f"{self.passed:>5} passed {self.failed:>4} failed"
        return f"  {sign} {self.name:<14}{counts}{say.seconds(self.seconds):>14}"


def main() -> int:
    """Run what the command line chooses; return 1 if anything failed, else 0."""
    chosen, extra = _parse(sys.argv[1:])
    clone, began = Clone.from_env(), time.monotonic()
    debian.ensure(clone, sorted({name for suite in chosen for name in PROGRAMS.get(suite, [])}))
    tools = Tools.install(clone)
    unchecked = CHECK in chosen and check_all(clone) != 0
    frontend.ensure_built(clone)
    results = [_run(clone, suite, extra, tools) for suite in chosen if suite != CHECK]
    return _close(results, time.monotonic() - began, unchecked=unchecked)


def _parse(arguments: list[str]) -> tuple[list[str], list[str]]:
    names = [CHECK, FRONTEND, *SUITES]
    count = next((n for n, word in enumerate(arguments) if word not in names), len(arguments))
    if arguments[count : count + 1] in (["-h"], ["--help"]):
        say.line(f"usage: ops/test [suite …] [arguments for pytest …]\n\n{__doc__}")
        say.line(f"suites: {', '.join(names)} (all of them unless some are named)")
        raise SystemExit(0)
    return arguments[:count] or names, arguments[count:]


def _run(clone: Clone, suite: str, extra: list[str], tools: Tools) -> Result:
    say.line(f"\n── {suite}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reprise-") as folder:
        tally = Path(folder) / "tally.json"
        command = _vitest(tally) if suite == FRONTEND else _pytest(clone, suite, extra)
        env = {**tools.environment(command), "PYTHONUNBUFFERED": "1", "REPRISE_TALLY": str(tally)}
        ran = subprocess.run(command, cwd=clone.root, env=env, check=False)
        passed, failed = _counts(tally)
    broken = ran.returncode != 0 or passed + failed == 0
    return Result(suite, passed, failed, time.monotonic() - began, broken)


def _pytest(clone: Clone, suite: str, extra: list[str]) -> list[str]:
    command = [str(clone.python), "-m", "pytest", "-p", "ops.suites.tally", "-q"]
    named = any(word.startswith("tests/") for word in extra)
    return [*command, *SUITES[suite], *extra, *([] if named else [f"tests/{suite}"])]


def _vitest(tally: Path) -> list[str]:
    reporters = ["--reporter=default", "--reporter=json", f"--outputFile.json={tally}"]
    return ["npm", "test", "--silent", "--", *reporters]


def _counts(tally: Path) -> tuple[int, int]:
    try:
        counts = json.loads(tally.read_text())
    except (OSError, ValueError):
        return 0, 0
    if "numTotalTests" in counts:
        return counts["numPassedTests"], counts["numFailedTests"]
    return counts["passed"], counts["failed"] + counts["error"]


def _close(results: list[Result], seconds: float, *, unchecked: bool) -> int:
    say.line()
    for result in results:
        say.line(result.line)
    if unchecked:
        say.line("  ✗ check")
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    bad = unchecked or any(result.failed or result.broken for result in results)
    say.line(f"\n{'FAILED' if bad else 'OK'} in {say.seconds(seconds)}")
    say.line(f"{passed} passed, {failed} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(guarded(main, "test"))
