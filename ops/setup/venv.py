"""The Python environment: made once, installed from hash-locked requirements, stamped.

Nothing is ever removed from it, so that packages which people add (job kinds, say) stay. Those that
`requirements/own.txt` names are installed too, also into an environment that is made again.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Literal

from ops.errors import CannotStart
from ops.setup import locks, run, say, stamps
from ops.setup.clone import Clone, need_space, tool_environment

OWN = "own.txt"
STAMP = "reprise.json"
LEVELS = ("client", "service", "local", "dev")  # each has all that is in the one before
SPACE_MB = {"client": 100, "service": 400, "local": 900, "dev": 900}
Level = Literal["client", "service", "local", "dev"]


def ensure(clone: Clone, level: Level) -> None:
    """Make the virtual environment have what the lock file of a level names.

    `client` is what the Python follower needs, `service` what a production host needs, `local` what
    `ops/up` needs, `dev` what checks and tests need. What else is in the environment stays. One
    with more than `client` is left as it is for a client: a copy may be running on it.
    Does nothing, in milliseconds, where a stamp says that it has been done. CannotStart, with the
    reason, otherwise.
    """
    wanted, stamp = _wanted(clone), clone.venv / STAMP
    if _done(clone, stamps.read(stamp), wanted, level):
        return
    _check_tools(clone, level)
    with locks.alone(clone.root / "requirements"):
        if not _done(clone, stamps.read(stamp), wanted, level):
            _install(clone, stamp, wanted, level)


def ensure_uv(clone: Clone) -> Path:
    """Return the environment's uv, making an environment with nothing else where there is none."""
    program = clone.venv / "bin" / "uv"
    if not (clone.python.exists() and program.exists()):
        _check_tools(clone, "client")
        with locks.alone(clone.root / "requirements"):
            _make(clone)
            with say.step("Installing uv"):
                _install_uv(clone)
    return program


def _wanted(clone: Clone) -> dict[str, str]:
    files, version = clone.root / "requirements", ".".join(map(str, sys.version_info[:2]))
    shared = [files / "uv.txt", files / OWN]
    return {level: stamps.digest([*shared, files / f"{level}.txt"], version) for level in LEVELS}


def _done(clone: Clone, has: dict[str, str], wanted: dict[str, str], level: str) -> bool:
    if not clone.python.exists():
        return False
    if level == "client" and set(has) - {"client"}:
        return True
    return any(has.get(each) == wanted[each] for each in LEVELS[LEVELS.index(level) :])


def _check_tools(clone: Clone, level: str) -> None:
    if not clone.python.exists() and importlib.util.find_spec("ensurepip") is None:
        raise CannotStart("python3 cannot make virtual environments: apt-get install python3-venv")
    need_space(clone.venv, SPACE_MB[level])


def _install(clone: Clone, stamp: Path, wanted: dict[str, str], asked: str) -> None:
    log = clone.log / "setup.log"
    level = max([asked, *stamps.read(stamp)], key=_rank)
    _make(clone)
    with say.step("Installing Python packages") as step:
        _install_uv(clone)
        uv = [str(clone.venv / "bin" / "uv"), "pip", "install", "--python", str(clone.python)]
        env = {**tool_environment(clone), "VIRTUAL_ENV": str(clone.venv)}
        chosen, own = (clone.root / "requirements" / file for file in (f"{level}.txt", OWN))
        run.run("Installing them", [*uv, "--require-hashes", "-r", chosen], log=log, env=env)
        if own.exists():
            # The locked versions stay: a package that needs others is told so.
            more: list[str | Path] = [*uv, "-r", own, "--constraint", chosen]
            run.run(f"Installing {OWN}", more, log=log, env=env, cwd=clone.root)
        step.note = f"from requirements/{chosen.name}" + (f" and {OWN}" if own.exists() else "")
    stamps.write(stamp, **{each: wanted[each] for each in LEVELS[: _rank(level) + 1]})


def _rank(level: str) -> int:
    """Return a level's place, -1 for one that is not known: an earlier version's."""
    return LEVELS.index(level) if level in LEVELS else -1


def _make(clone: Clone) -> None:
    if clone.python.exists():
        return
    with say.step("Making the Python environment"):
        shutil.rmtree(clone.venv, ignore_errors=True)  # one whose interpreter went away
        command = [sys.executable, "-m", "venv", str(clone.venv)]
        run.run("Making it", command, log=clone.log / "setup.log", env=tool_environment(clone))


def _install_uv(clone: Clone) -> None:
    locked = ["--require-hashes", "-r", str(clone.root / "requirements" / "uv.txt")]
    pip = [str(clone.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    log = clone.log / "setup.log"
    run.run("Installing uv", [*pip, *locked], log=log, env=tool_environment(clone))


def environment(clone: Clone) -> dict[str, str]:
    """Return the environment for programs that run in the virtual environment.

    They may keep what they compiled, whatever the machine's habit is: half of a start is importing.
    """
    path = f"{clone.venv / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "VIRTUAL_ENV": str(clone.venv), "PATH": path}
