"""`ops/wheel`: build the front end, and the wheels of service, client and pytest plugin.

They are written into `dist/`, with a lock file for each: `pip install --require-hashes -r` takes
the wheel and all that it needs from there. A build needs Node 20.19 or later, with npm.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ops.launcher.__main__ import guarded
from ops.setup import frontend, locks, run, say, venv
from ops.setup.clone import Clone, need_space, tool_environment

SPACE_MB = 100


@dataclass(frozen=True, slots=True)
class Project:
    """A distribution: its name, the folder of its pyproject.toml, the packages beside its own."""

    name: str
    folder: str
    lock: str
    needs: tuple[str, ...] = ()


CLIENT = Project("reprise-client", "distributions/client", "client")
SERVICE = Project("reprise", ".", "service", needs=(CLIENT.name,))
PLUGIN = Project(
    "pytest-reprise", "distributions/pytest-reprise", "plugin", needs=(SERVICE.name, CLIENT.name)
)
PROJECTS = (CLIENT, SERVICE, PLUGIN)
# What a build reads. It works on a copy: no file of an earlier build can get into a wheel.
SOURCES = (
    "core", "jobs", "streams", "frontend", "ops/nginx", "ops/postgres", "deploy",
    "distributions", "requirements", "pyproject.toml", "README.md", "LICENSE",
)  # fmt: skip
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "node_modules")


def main() -> int:
    """Build; CannotStart, with the reason, where that is impossible."""
    parser = argparse.ArgumentParser(prog="ops/wheel", description=__doc__)
    parser.add_argument("--output", help="the folder to write into (the clone's dist)")
    output = parser.parse_args().output
    clone = Clone.from_env()
    called_from = Path(os.environ.get("CALLED_FROM", ""))
    build_all(clone, (called_from / output).absolute() if output else clone.root / "dist")
    return 0


def build_all(clone: Clone, output: Path) -> None:
    """Build the wheels and their lock files into a folder, in place of what is there."""
    frontend.ensure_built(clone)
    uv = venv.ensure_uv(clone)
    need_space(output, SPACE_MB)
    output.mkdir(parents=True, exist_ok=True)
    with locks.alone(output), tempfile.TemporaryDirectory(prefix="reprise-wheel-") as folder:
        copy = Path(folder)
        _copy_sources(clone.root, copy)
        wheels = {project.name: _build(clone, uv, copy, output, project) for project in PROJECTS}
        for project in PROJECTS:
            _write_lock(clone.root, output, project, wheels)
    say.line(f"Built in {output}. Next: pip install --require-hashes -r {output}/service.txt")


def _copy_sources(root: Path, copy: Path) -> None:
    for name in SOURCES:
        source, target = root / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copy2(source, target)


def _build(clone: Clone, uv: Path, copy: Path, output: Path, project: Project) -> Path:
    """Build a project's wheel with the locked setuptools; return the wheel."""
    stem = project.name.replace("-", "_")
    for old in output.glob(f"{stem}-*.whl"):
        old.unlink()
    command: list[str | Path] = [
        uv, "build", "--wheel", "--build-constraints", copy / "requirements" / "build.txt",
        "--require-hashes", "--out-dir", output, copy / project.folder,
    ]  # fmt: skip
    with say.step(f"Building {project.name}") as step:
        log, env = clone.log / "setup.log", tool_environment(clone)
        run.run(f"Building {project.name}", command, log=log, env=env)
        [wheel] = output.glob(f"{stem}-*.whl")
        step.note = wheel.name
    return wheel


def _write_lock(root: Path, output: Path, project: Project, wheels: dict[str, Path]) -> None:
    """Write the lock of a wheel: itself, what it needs of the other wheels, and the locked rest."""
    lines = [f"# {project.name} and all that it needs; the wheels lie beside this file."]
    lines.append("--find-links .")
    for name in (project.name, *project.needs):
        version = wheels[name].name.split("-")[1]
        digest = hashlib.sha256(wheels[name].read_bytes()).hexdigest()
        lines.append(f"{name}=={version} --hash=sha256:{digest}")
    rest = (root / "requirements" / f"{project.lock}.txt").read_text()
    (output / f"{project.lock}.txt").write_text("\n".join(lines) + "\n" + rest)


if __name__ == "__main__":
    sys.exit(guarded(main, "wheel"))
