"""`ops/chaos`: make the environment ready, then become `tests.chaos.run` in it.

As root it gets a mount namespace of its own, for disks that can be full, and where there are to be
hosts a network namespace: whatever is mounted or wired up there is gone with the last process,
however that ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from ops.errors import CannotStart
from ops.launcher.__main__ import guarded
from ops.setup import frontend, venv
from ops.setup.clone import Clone
from ops.suites import debian

ON_HOSTS = (["hosts"], ["streams"], ["links"])
# A web process is ready only with a built front end.
WITH_WEB = (["streams"], ["links"], ["failover"], ["drill"])
ONLY_SAYS = {"--plan", "--help", "-h"}
WITHOUT_HOSTS = {"--here", *ONLY_SAYS}


def main() -> int:
    """Hand over; returns only when that fails."""
    clone, words = Clone.from_env(), sys.argv[1:]
    venv.ensure(clone, "dev")
    if ONLY_SAYS.isdisjoint(words):
        if words[:1] == ["links"]:
            debian.ensure(clone, ["nginx", *([] if _pageless(words) else ["chromium"])])
        if words[:1] in WITH_WEB:
            frontend.ensure_built(clone)
    command = [*_apart(words), str(clone.python), "-m", "tests.chaos.run", *words]
    os.execvpe(command[0], command, venv.environment(clone))


def _pageless(words: list[str]) -> bool:
    """Return whether `--only` names followers of links, and not the page."""
    return "page" not in words and not {"python", "node"}.isdisjoint(words)


def _apart(words: list[str]) -> list[str]:
    """Return the command that has the rest run in namespaces of its own; none where it cannot."""
    apart = ["unshare", "--mount", "--propagation", "private"]
    if words[:1] not in ON_HOSTS or not WITHOUT_HOSTS.isdisjoint(words):
        return [*apart, "--"] if os.geteuid() == 0 and _can(apart) else []
    if not shutil.which("ip") or not shutil.which("nsenter"):
        raise CannotStart("ip or nsenter is missing: apt-get install iproute2 util-linux")
    if not _can([*apart, "--net"]):
        raise CannotStart("Only root can make network namespaces.")
    return [*apart, "--net", "--"]


def _can(apart: list[str]) -> bool:
    tried = subprocess.run([*apart, "--", "true"], capture_output=True, check=False)
    return tried.returncode == 0


if __name__ == "__main__":
    sys.exit(guarded(main, "chaos"))
