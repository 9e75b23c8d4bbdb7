"""`ops/test`: check the sources and run every suite; the last line counts all tests.

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
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ops.checks.__main__ import Tools, check_all
from ops.launcher.__main__ import guarded
from ops.setup import frontend, say
from ops.setup.clone import Clone
from ops.suites import debian

FRONTEND, CHECK, DEBIAN = "frontend", "check", "debian"
CPUS = os.cpu_count() or 1
# One more than there are processors: tests of this kind wait for a third of their time.
PARALLEL = ("-n", str(min(max(CPUS, 2) + 1, 4)), "--dist", "worksteal")
SUITES: Mapping[str, tuple[str, ...]] = {
    "unit": PARALLEL,
    "replay": PARALLEL,
    "integration": PARALLEL,
    "acceptance": (),
    "browser": (),
    DEBIAN: (),
}
# What stands on the servers' own features, once more on the oldest that are supported.
OLDEST_SERVERS = {
    "REPRISE_TEST_POSTGRES": str(debian.POSTGRES_15),
    "REPRISE_TEST_REDIS": "/usr/bin/redis-server",
}
ON_OLDEST = (
    "log_append", "log_model", "log_read", "feed", "partitions", "roles_sql", "seals",
    "seals_acknowledged", "seals_adopted", "seals_restored_again", "verify",
    "dispatch_postgres", "worker", "hints", "streams_websocket",
)  # fmt: skip
# Two lanes run whole copies of the project and wait for them for half of their time; meanwhile the
# small suites run, one after the other. `integration` follows when one lane is left.
LANES = (("acceptance",), ("browser",), (FRONTEND, "unit", "replay", DEBIAN))
PROXIES = ["nginx", "haproxy", "squid", "tinyproxy", "lighttpd", "varnishd"]
ENCODERS = ["jq", "xxd", "hexdump", "openssl"]
PROGRAMS = {
    "integration": ["sshd", *PROXIES, "curl", "libatomic", *ENCODERS],
    "acceptance": ["nginx", "sshd"],
    "browser": ["chromium", *PROXIES, "libatomic"],
    "replay": ["chromium"],
    DEBIAN: [
        "postgres-15",
        "redis-server",
        "slapd",
        "libldap-dev",
        "openssl",
        "systemd-analyze",
        "prometheus",
    ],
}


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
    frontend.ensure_built(clone)
    todo = stages([suite for suite in chosen if suite != CHECK])
    with ThreadPoolExecutor(1) as pool:
        checks = pool.submit(lambda: CHECK in chosen and check_all(clone) != 0)
        if not (todo and len(todo[0]) > 1):  # a suite alone prints as it goes: not in between
            wait([checks])
        results = _run_stages(clone, todo, extra, tools)
    return _close(results, time.monotonic() - began, unchecked=checks.result())


def _parse(arguments: list[str]) -> tuple[list[str], list[str]]:
    names = [CHECK, FRONTEND, *SUITES]
    count = next((n for n, word in enumerate(arguments) if word not in names), len(arguments))
    if arguments[count : count + 1] in (["-h"], ["--help"]):
        say.line(f"usage: ops/test [suite …] [arguments for pytest …]\n\n{__doc__}")
        say.line(f"suites: {', '.join(names)} (all of them unless some are named)")
        raise SystemExit(0)
    return arguments[:count] or names, arguments[count:]


def stages(suites: list[str]) -> list[list[list[str]]]:
    """Return stages; each is lanes, which run beside each other.

    A stage begins when one lane at most is left of the one before it.
    """
    beside = [[suite for suite in lane if suite in suites] for lane in LANES]
    if not (beside[0] or beside[1]):
        return [[[suite]] for suite in suites]
    alone = [[[suite]] for suite in suites if not any(suite in lane for lane in LANES)]
    return [[lane for lane in beside if lane], *alone]


def _run_stages(
    clone: Clone, todo: list[list[list[str]]], extra: list[str], tools: Tools
) -> list[Result]:
    results: list[Result] = []
    lanes: list[Future[list[Result]]] = []
    with ThreadPoolExecutor(len(LANES) + 1) as pool:
        for stage in todo:
            while len(left := [lane for lane in lanes if not lane.done()]) > 1:
                wait(left, return_when=FIRST_COMPLETED)
            say.line(f"\n── {', '.join(suite for lane in stage for suite in lane)}")
            if not left and len(stage) == len(stage[0]) == 1:
                [[suite]] = stage
                results.append(_run(clone, suite, [*SUITES.get(suite, ()), *extra], tools))
                continue
            shared = len(stage) > 1
            lanes += [pool.submit(_run_lane, clone, one, extra, tools, shared) for one in stage]
        return [*results, *(result for lane in lanes for result in lane.result())]


def _run_lane(
    clone: Clone, lane: list[str], extra: list[str], tools: Tools, shared: bool
) -> list[Result]:
    """Run suites one after the other; each says its part when it is done.

    Each runs in one process where other lanes of its stage share the processors.
    """
    results = []
    for suite in lane:
        own = [] if shared else SUITES.get(suite, ())
        with tempfile.TemporaryFile("w+") as file:
            results.append(_run(clone, suite, [*own, *extra], tools, file))
            file.seek(0)
            say.line(f"\n── {suite}\n{file.read()}")
    return results


def _run(
    clone: Clone, suite: str, extra: list[str], tools: Tools, output: IO[str] | None = None
) -> Result:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reprise-") as folder:
        tally = Path(folder) / "tally.json"
        command = _vitest(tally) if suite == FRONTEND else _pytest(clone, suite, extra)
        env = {**tools.environment(command), "PYTHONUNBUFFERED": "1", "REPRISE_TALLY": str(tally)}
        if suite == DEBIAN:
            env |= OLDEST_SERVERS
        ran = subprocess.run(
            command, cwd=clone.root, env=env, check=False, stdout=output, stderr=output
        )
        passed, failed = _counts(tally)
    broken = ran.returncode != 0 or passed + failed == 0
    return Result(suite, passed, failed, time.monotonic() - began, broken)


def _pytest(clone: Clone, suite: str, extra: list[str]) -> list[str]:
    command = [str(clone.python), "-m", "pytest", "-p", "ops.suites.tally", "-q"]
    named = any(word.startswith("tests/") for word in extra)
    files = [f"tests/integration/test_{name}.py" for name in ON_OLDEST]
    more = files if suite == DEBIAN else []
    return [*command, *extra, *([] if named else [f"tests/{suite}", *more])]


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
    for result in sorted(results, key=lambda result: [FRONTEND, *SUITES].index(result.name)):
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
