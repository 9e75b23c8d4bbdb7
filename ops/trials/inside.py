"""The trial itself, as the first process of its own mount and process namespaces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ops.errors import CannotStart
from ops.launcher import processes
from ops.launcher.__main__ import guarded
from ops.setup import say
from ops.trials import commands, host

ORDINARY = "trial"
COLD_MINUTES, WARM_MINUTES, TEST_MINUTES = 15.0, 4.0, 45.0
PORT = 8750
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A root that is changed to, not pivoted to, allows nobody user namespaces (unshare(2)).
ENTER = """
set -e
mount --rbind "$1" "$1"
cd "$1"
pivot_root . mnt
cd /
umount -l /mnt
user=$2
shift 2
exec setpriv --reuid "$user" --regid "$user" --init-groups "$@"
"""


@dataclass(slots=True)
class Trial:
    """The Debian root, the time left, and what came of each part so far."""

    root: Path
    give_up: float
    rows: list[tuple[str, str, float]] = field(default_factory=list)

    def part(self, name: str, minutes: float, run: Callable[[float], str]) -> bool:
        """Run a part within its minutes and the trial's; note how it went. True when well."""
        began = time.monotonic()
        limit = min(began + minutes * 60, self.give_up)
        say.line(f"\n── {name}")
        try:
            outcome = run(limit)
        except CannotStart as error:
            outcome = f"FAILED: {error.message}"
        self.rows.append((name, outcome, time.monotonic() - began))
        say.line(f"── {name}: {outcome}")
        return not outcome.startswith("FAILED")

    def spawn(self, user: str, command: str) -> subprocess.Popen[bytes]:
        """Start a shell command in the root as a user, with that user's usual environment."""
        home = home_of(user)
        kept = {"HOME": home, "USER": user, "PATH": PATH, "LANG": "C.UTF-8"}
        env = {**host.variables(), **kept, "PORT": str(PORT)}
        words = [f"{name}={value}" for name, value in env.items()]
        shell = f"cd && {command}"
        enter = ["unshare", "--mount", "sh", "-c", ENTER, "trial", str(self.root), user]
        return subprocess.Popen(
            [*enter, "env", "-i", *words, "sh", "-c", shell],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[bytes], limit: float) -> int:
        """Wait for a process, to the limit; CannotStart past it, with all its processes ended.

        Meanwhile it does what the first process of a machine does: reap what others left.
        """
        while (code := process.poll()) is None:
            if time.monotonic() > limit:
                processes.end(processes.descendants(), grace=20)
                raise CannotStart("it took too long")
            processes.reap(besides=[process.pid])
            time.sleep(0.1)
        return code

    def run(self, user: str, command: str, limit: float) -> None:
        """Run a shell command in the root to its end; CannotStart if it fails."""
        code = self.finish(self.spawn(user, command), limit)
        if code != 0:
            raise CannotStart(f"`{command}` ended with {code}")


def main() -> int:
    """Mount, try everything, print the table; return 1 if any part failed."""
    told = json.loads(sys.argv[2])
    trial = Trial(Path(sys.argv[1]), time.monotonic() + told["minutes"] * 60)
    _mount(trial.root)
    _users(trial)
    well = True
    for user in ("root", ORDINARY):
        well &= trial.part(f"clone, as {user}", 1, partial(_clone, trial, user))
        for kind, minutes in (("cold", COLD_MINUTES), ("warm", WARM_MINUTES)):
            well &= trial.part(f"ops/up as {user}, {kind}", minutes, partial(_up, trial, user))
    if told["suites"]:
        well &= trial.part("ops/test as root", TEST_MINUTES, partial(_test, trial))
    say.line()
    for name, outcome, seconds in trial.rows:
        say.line(f"  {name:<28}{say.seconds(seconds):>14}   {outcome}")
    return 0 if well else 1


def _mount(root: Path) -> None:
    """Give the root what a machine has: /proc of these processes, /dev, /dev/shm."""
    _call("mount", "-t", "proc", "proc", root / "proc")
    _call("mount", "-t", "proc", "proc", "/proc")
    _call("mount", "--bind", "/dev", root / "dev")
    _call("mount", "-t", "tmpfs", "-o", "mode=1777", "shm", root / "dev/shm")
    for folder in host.folders():
        inside = root / str(folder).lstrip("/")
        inside.mkdir(parents=True, exist_ok=True)
        _call("mount", "--bind", folder, inside)
        _call("mount", "-o", "remount,bind,ro", inside)


def _users(trial: Trial) -> None:
    _call("chroot", trial.root, "useradd", "--create-home", "--shell", "/bin/sh", ORDINARY)
    for user in ("root", ORDINARY):
        home = trial.root / home_of(user).lstrip("/")
        owner = home.stat()
        host.carry_personal(home, owner.st_uid, owner.st_gid)


def home_of(user: str) -> str:
    """Return a user's home in the root."""
    return "/root" if user == "root" else f"/home/{user}"


def _clone(trial: Trial, user: str, limit: float) -> str:
    trial.run(user, "git clone --quiet /reprise.bundle reprise", limit)
    return "ok"


def _up(trial: Trial, user: str, limit: float) -> str:
    """Start, look at the page, stop; return how long each took."""
    began = time.monotonic()
    process = trial.spawn(user, "cd reprise && exec ./ops/up")
    ready = trial.root / home_of(user).lstrip("/") / "reprise/.state/ready.json"
    while not ready.exists():
        if process.poll() is not None:
            raise CannotStart(f"it ended with {process.returncode}")
        if time.monotonic() > limit:
            trial.finish(process, limit)
        time.sleep(0.05)
    up_after = time.monotonic() - began
    page = _page(json.loads(ready.read_text()))
    tried = commands.try_commands(ready.parent, f"{home_of(user)}/reprise", limit)
    running = len(processes.descendants())
    began = time.monotonic()
    process.terminate()
    code = trial.finish(process, time.monotonic() + 90)
    down_after = time.monotonic() - began
    left = processes.descendants()
    if code != 0 or left or ready.exists():
        processes.end(left, grace=1)
        raise CannotStart(f"stopping: status {code}, {len(left)} processes left")
    return (
        f"ready after {say.seconds(up_after)}, {page}, {tried}, {running} processes; "
        f"stopped in {say.seconds(down_after)}, none left"
    )


def _page(ready: dict[str, Any]) -> str:
    with urllib.request.urlopen(ready["url"], timeout=30) as answer:  # noqa: S310 - our own
        text = answer.read().decode()
    if "csrfmiddlewaretoken" not in text:
        raise CannotStart(f"{answer.url} is no sign-in page")
    return f"sign-in page {answer.status}"


def _test(trial: Trial, limit: float) -> str:
    trial.run("root", "cd reprise && exec ./ops/test", limit)
    return "ok"


def _call(*command: str | Path) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise CannotStart(f"{' '.join(map(str, command))}: {ran.stderr.strip()}")


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    status = guarded(main, "trial")
    os._exit(status)  # the kernel ends every process of the namespace with its first one
