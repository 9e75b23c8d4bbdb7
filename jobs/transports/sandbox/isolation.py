"""Which isolation this process can give its commands, found by running one in it."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.config import Config
from jobs.transports.sandbox import launcher

# Debian reserves it, so that nobody owns files by it, and no server of this machine runs as it.
UID = 65533
PROBE_SECONDS = 20.0
KEPT = {"PATH", "LANG", "LANGUAGE", "TZ", "TERM"}
RUN = Path("/run")
SCRATCH = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - each command gets its own
REFUSED = "Commands on local targets are refused: this machine cannot isolate them."
HINT = (
    "Run the worker as root, or let it make user namespaces (Debian: sysctl "
    "kernel.unprivileged_userns_clone=1; Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0; "
    "a container: allow unshare and mount, or as root install the service where every user can "
    "reach it), or set REPRISE_LOCAL=trusted if everybody who may run commands may do all that the "
    "worker can."
)


@dataclass(frozen=True, slots=True)
class Isolation:
    """A way to isolate: by another user (None: the same), by namespaces, or by both."""

    uid: int | None
    namespaces: bool

    def words(self, argv: Sequence[str]) -> list[str]:
        """Return the command line that runs a command so; it needs no environment."""
        return [sys.executable, "-I", "-S", launcher.__file__, *argv]

    def plan(self, config: Config, env: Mapping[str, str], cwd: str | None) -> bytes:
        """Return what to write to its standard input, which is then to be kept open."""
        home = launcher.HOME if self.namespaces else "/nonexistent"
        plan = {
            "env": {"HOME": home, **env},
            "folders": [cwd] if cwd else [os.getcwd(), "/"],
            "uid": self.uid,
            "namespaces": self.namespaces,
            "mounts": list_mounts(config),
        }
        return json.dumps(plan).encode() + b"\n"

    def start(
        self, config: Config, argv: Sequence[str], env: Mapping[str, str], cwd: str
    ) -> subprocess.Popen[bytes]:
        """Start a command, in a session of its own; it ends with this process."""
        process = subprocess.Popen(
            self.words(argv), stdin=subprocess.PIPE, env={}, cwd="/", start_new_session=True
        )
        if process.stdin:
            process.stdin.write(self.plan(config, {**kept_environment(), **env}, cwd))
            process.stdin.flush()
        return process

    def works(self, config: Config) -> bool:
        """Return whether `true` runs so; what it says of a failure goes to standard error.

        Without namespaces nothing is shown that its user cannot reach: that has to be so for our
        own Python.
        """
        probe = ["true"] if self.namespaces else [sys.executable, "-c", ""]
        try:
            with self.start(config, probe, {}, "/") as process:
                return process.wait(PROBE_SECONDS) == 0
        except (OSError, subprocess.TimeoutExpired):
            return False


def find_isolation(config: Config) -> Isolation | None:
    """Return the strongest isolation that works for this process, None if none does."""
    root = os.geteuid() == 0
    ways = [Isolation(UID, True), Isolation(UID, False)] if root else [Isolation(None, True)]
    return next((way for way in ways if way.works(config)), None)


def kept_environment() -> dict[str, str]:
    """Return what a command gets of the service's environment."""
    return {name: value for name, value in os.environ.items() if _is_kept(name)}


def _is_kept(name: str) -> bool:
    return name in KEPT or name.startswith("LC_")


def list_mounts(config: Config) -> list[tuple[str, str]]:
    """Return what a command is to see otherwise than it is, as the launcher takes it.

    What is secret wins over what may be written, and that over what is hidden around it.
    """
    hidden = dict.fromkeys([RUN, *_homes()], "hide")
    scratch = dict.fromkeys(SCRATCH, "scratch")
    secret = dict.fromkeys(_secrets(config), "hide")
    covered = {*hidden, *scratch, *secret}
    shown = {path: "read" for path in _needed() if covered & {path, *path.parents}}
    written = {path: "write" for path in config.local_writable if path.exists()}
    found = hidden | shown | scratch | written | secret
    return [(str(path), found[path]) for path in sorted(found, key=lambda path: len(path.parts))]


def _homes() -> Iterator[Path]:
    """Yield the homes of the worker's user, unless they are the system's."""
    names = [os.environ.get("HOME", "/")]
    with suppress(KeyError):  # a user without an entry
        names.append(pwd.getpwuid(os.geteuid()).pw_dir)
    for home in {Path(name).resolve() for name in names}:
        if home.is_dir() and home.stat().st_uid == os.geteuid() and home != Path("/"):
            yield home


def _secrets(config: Config) -> Iterator[Path]:
    """Yield what is the service's alone."""
    yield from (config.state, config.seal_key, config.secret_keys)
    yield from (Path(word).expanduser().resolve() for word in ("~/.ssh", *config.ssh_keys))
    for store in config.secret_stores.values():
        yield from store.secret_files
    for storage in (config.archive, config.seals):
        if place := storage.get("OPTIONS", {}).get("location"):
            yield Path(place)


def _needed() -> Iterator[Path]:
    """Yield what a command needs even where it lies in a folder that is hidden."""
    yield Path(__file__).resolve().parents[3]
    yield from (Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix))
    yield Path("/etc/resolv.conf").resolve()
