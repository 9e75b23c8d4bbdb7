"""`ops/trial`: an empty Debian 12, a fresh clone, `./ops/up` as root and not, and `./ops/test`.

`--only debian` tries the how-to for Debian instead, booted by systemd. It needs root, and an hour
at most. The last thing it prints is a table of what it took.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from ops.child import tethered
from ops.errors import CannotStart
from ops.launcher.__main__ import guarded
from ops.setup import run, say
from ops.setup.clone import ROOT, need_space
from ops.trials import host

PACKAGES = "python3,python3-venv,ca-certificates,git"
SPACE_MB = 6000
INSTALL = ROOT / "ops" / "suites" / "install.sh"


def main() -> int:
    """Make the root, try in it, take it away; return 1 if anything failed, else 0."""
    options = _parse()
    if os.geteuid() != 0:
        raise CannotStart("Only root can make a Debian root and enter it.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="reprise-trial-", dir=options.folder))
    folder.chmod(0o755)
    try:
        need_space(folder, SPACE_MB)
        _make_root(folder)
        return _try_page(folder) if options.only == "debian" else _try(folder, options)
    finally:
        if options.keep:
            say.line(f"Kept: {folder}")
        else:
            _remove(folder)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/trial", description=__doc__)
    parser.add_argument("--only", choices=["up", "debian"], help="up: leave ./ops/test out")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where to make it")  # noqa: S108
    parser.add_argument("--keep", action="store_true", help="do not delete the Debian root")
    parser.add_argument("--minutes", type=float, default=60, help="give up after this long (60)")
    return parser.parse_args()


def _make_root(folder: Path) -> None:
    log = folder / "trial.log"
    if shutil.which("debootstrap") is None:
        with say.step("Installing debootstrap"):
            run.run("apt-get", ["sh", INSTALL, "debootstrap"], log=log)
    with say.step("Making an empty Debian 12"):
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm"]
        address = host.mirror()
        root = folder / "root"
        run.run("debootstrap", [*command, root, *([address] if address else [])], log=log)
        host.carry_system(root)
    bundle = root / "reprise.bundle"
    branch = run.run("git branch", ["git", "branch", "--show-current"], log=log, cwd=ROOT).split()
    run.run("git bundle", ["git", "bundle", "create", bundle, "HEAD", *branch], log=log, cwd=ROOT)
    bundle.chmod(0o644)
    status = ["git", "status", "--porcelain"]
    changed = subprocess.run(status, cwd=ROOT, capture_output=True, check=True)
    if changed.stdout:
        say.line("  Only what is committed is tried; there are changes that are not.")


def _try(folder: Path, options: argparse.Namespace) -> int:
    # The mounts and processes of these namespaces end with `inside`, their first process, which
    # ends with unshare, which ends with us.
    inside = [sys.executable, "-m", "ops.trials.inside", str(folder / "root")]
    told = {"suites": options.only is None, "minutes": options.minutes}
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *inside, json.dumps(told)]
    tried = subprocess.run(
        tethered(command, signal.SIGKILL, parent=os.getpid()), cwd=ROOT, check=False
    )
    return 1 if tried.returncode else 0


def _try_page(folder: Path) -> int:
    """Try the how-to for Debian, with the wheels of this clone."""
    with say.step("Building the wheels"):
        wheels: list[str | Path] = [
            sys.executable,
            "-m",
            "ops.setup.wheel",
            "--output",
            folder / "dist",
        ]
        run.run("ops/wheel", wheels, log=folder / "trial.log", cwd=ROOT)
    command = ["unshare", "--mount", sys.executable, "-m", "ops.trials.debian", str(folder)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _remove(folder: Path) -> None:
    mounted = Path("/proc/self/mountinfo").read_text()
    if str(folder) in mounted:
        raise CannotStart(f"Something is mounted below {folder}: not deleting it.")
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(guarded(main, "trial"))
