"""The Python environment: made once, installed from hash-locked requirements, stamped.

Nothing is ever removed from it, so that packages which people add (job kinds, say) stay. Those that
`requirements/local.txt` names are installed too, also into an environment that is made again.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from ops.errors import CannotStart
from ops.setup import locks, run, say, stamps
from ops.setup.clone import Clone, need_space, tool_environment

LOCAL = "local.txt"
SPACE_MB = {"client": 100, "base": 900, "dev": 900}


def ensure(clone: Clone, *, dev: bool = False) -> None:
    """Make the virtual environment have what requirements/base.txt (dev: dev.txt) names.

    What else is in it stays. Does nothing, in milliseconds, where a stamp says that it has been
    done. CannotStart, with the reason, otherwise.
    """
    _ensure(clone, "dev" if dev else "base")


def ensure_client(clone: Clone) -> None:
    """Make the virtual environment have what the Python follower needs: requirements/client.txt.

    One that has more, of whatever version, is left as it is: a copy may be running on it.
    """
    _ensure(clone, "client")


def _ensure(clone: Clone, name: str) -> None:
    wanted = _wanted(clone)
    stamp = clone.venv / "reprise.json"
    if _done(clone, stamps.read(stamp), wanted, name):
        return
    _check_tools(clone, name)
    with locks.alone(clone.root / "requirements"):
        if not _done(clone, stamps.read(stamp), wanted, name):
            _install(clone, stamp, wanted, name)


def _wanted(clone: Clone) -> dict[str, str]:
    files, version = clone.root / "requirements", ".".join(map(str, sys.version_info[:2]))
    shared = [files / "uv.txt", files / LOCAL]
    return {name: stamps.digest([*shared, files / f"{name}.txt"], version) for name in SPACE_MB}


def _done(clone: Clone, has: dict[str, str], wanted: dict[str, str], name: str) -> bool:
    if not clone.python.exists():
        return False
    if name == "client" and ("base" in has or "dev" in has):
        return True
    enough = {"dev", "base"} if name == "base" else {name}
    return any(has.get(each) == wanted[each] for each in enough)


def _check_tools(clone: Clone, name: str) -> None:
    if not clone.python.exists() and importlib.util.find_spec("ensurepip") is None:
        raise CannotStart("python3 cannot make virtual environments: apt-get install python3-venv")
    need_space(clone.venv, SPACE_MB[name])


def _install(clone: Clone, stamp: Path, wanted: dict[str, str], asked: str) -> None:
    log, env = clone.log / "setup.log", tool_environment(clone)
    has_dev = "dev" in stamps.read(stamp)
    if not clone.python.exists():
        with say.step("Making the Python environment"):
            shutil.rmtree(clone.venv, ignore_errors=True)  # one whose interpreter went away
            run.run("Making it", [sys.executable, "-m", "venv", clone.venv], log=log, env=env)
    with say.step("Installing Python packages") as step:
        name = "dev" if has_dev else asked
        _install_uv(clone, log, env)
        uv = [str(clone.venv / "bin" / "uv"), "pip", "install", "--python", str(clone.python)]
        env = {**env, "VIRTUAL_ENV": str(clone.venv)}
        chosen, local = (clone.root / "requirements" / file for file in (f"{name}.txt", LOCAL))
        run.run("Installing them", [*uv, "--require-hashes", "-r", chosen], log=log, env=env)
        if local.exists():
            # The locked versions stay: a package that needs others is told so.
            more: list[str | Path] = [*uv, "-r", local, "--constraint", chosen]
            run.run(f"Installing {LOCAL}", more, log=log, env=env, cwd=clone.root)
        step.note = f"from requirements/{chosen.name}" + (f" and {LOCAL}" if local.exists() else "")
    has = {"client": ["client"], "base": ["base"], "dev": ["base", "dev"]}[name]
    stamps.write(stamp, **{each: wanted[each] for each in has})


def _install_uv(clone: Clone, log: Path, env: dict[str, str]) -> None:
    locked = ["--require-hashes", "-r", str(clone.root / "requirements" / "uv.txt")]
    pip = [str(clone.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run.run("Installing uv", [*pip, *locked], log=log, env=env)


def environment(clone: Clone) -> dict[str, str]:
    """Return the environment for programs that run in the virtual environment.

    They may keep what they compiled, whatever the machine's habit is: half of a start is importing.
    """
    path = f"{clone.venv / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "VIRTUAL_ENV": str(clone.venv), "PATH": path}
