"""The commands: each may be killed at any moment and run again, and then ends right."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from ops.fleet.host.basics import (
    ANSWER_SECONDS,
    GREEN,
    YELLOW,
    Failed,
    call,
    link,
    load,
    say,
    write,
)
from ops.fleet.host.target import Target

DRAIN_SECONDS = 60.0
START_SECONDS = 15.0
TRIES = 5


def preflight(target: Target, version: str) -> None:
    """The server answers, the release is in the repository, the folder takes files."""
    running = target.running()
    if running is None:
        raise Failed(f"{target.name} did not answer at {target.url} within {ANSWER_SECONDS:.0f} s")
    say(f"GET {target.url}/version → {running['version']}, pid {running['pid']}")
    target.trip("preflight")
    entry = listed(target, version)
    space = os.statvfs(target.folder)
    if space.f_bavail * space.f_frsize < 8 * entry["size"]:
        raise Failed(f"too little space in {target.folder} for {entry['archive']}")
    if not os.access(target.folder, os.W_OK):
        raise Failed(f"{target.folder} cannot be written")
    say(f"ok, {version} is in the repository ({entry['notes']})", GREEN)


def listed(target: Target, version: str) -> dict[str, Any]:
    """Return the manifest's entry for a version; Failed if there is none."""
    releases: list[dict[str, Any]] = load(os.path.join(target.repository, "manifest.json")).get(
        "releases", []
    )
    for entry in releases:
        if entry["version"] == version:
            return entry
    raise Failed(f"{version} is not in the repository {target.repository}")


def drain(target: Target, _: str) -> None:
    """No new players; wait until those who play have left."""
    began = time.monotonic()
    left = int(target.drained("POST")["players"])
    target.trip("drain")
    while left:
        say(f"waiting for {left} player{'s' if left > 1 else ''}", YELLOW)
        last = left
        while left == last:
            if time.monotonic() - began > DRAIN_SECONDS:
                raise Failed(f"{left} players were still there after {DRAIN_SECONDS:.0f} s")
            target.pause(0.3)
            left = int(target.drained("GET")["players"])
    say("ok, no players left", GREEN)


def fetch(target: Target, version: str) -> None:
    """Bring the release here, check its sums, and only then let it be seen."""
    from ops.fleet.host import (
        release,
    )  # hashlib and tarfile are slow to load; one command needs them

    release.fetch(target, listed(target, version))


def switch(target: Target, version: str) -> None:
    """Point `current` at the release, having noted what it was."""
    if not os.path.isdir(target.path("releases", version)):
        raise Failed(f"{version} is not here: fetch it first")
    before = target.current()
    target.trip("switch")
    noted = target.switched()
    if not (noted.get("to") == version and before == version):
        note = {"job": target.job, "from": before, "to": version, "at": time.time()}
        write(target.path("switched.json"), json.dumps(note))
    if before == version:
        say(f"ok, current is {version} already", GREEN)
        return
    link(target.folder, version)
    say(f"ok, current: {before} → {version}", GREEN)


def restart(target: Target, _: str) -> None:
    """A new process runs what `current` is; under a job, once after its switch."""
    running, at = target.running(), target.switched().get("at")
    if target.job and running and at and epoch(running["started_at"]) > at:
        say(f"ok, restarted after the switch already (pid {running['pid']})", GREEN)
        return
    bounce(target, running)
    target.trip("restart")
    say("ok", GREEN)


def epoch(started_at: str) -> float:
    """Return seconds since 1970 of a `started_at`."""
    from datetime import datetime

    return datetime.fromisoformat(started_at.replace("Z", "+00:00")).timestamp()


def bounce(target: Target, running: dict[str, Any] | None) -> None:
    """Have the supervisor restart the server, and wait until the new process answers."""
    request = {"id": os.urandom(8).hex()}
    old = running["pid"] if running else None
    say(f"restarting {target.name}" + (f" (pid {old})" if old else ""))
    asked = wait_for(target, lambda: ask(target, request), "the supervisor to take the restart")
    count = int(asked["restarts"])

    def answers() -> dict[str, Any] | None:
        new = target.running()
        return new if new and new["pid"] != old and new["restarts"] >= count else None

    new = wait_for(target, answers, f"{target.name} to answer at {target.url}")
    say(f"pid {new['pid']} answers, version {new['version']}, restart {new['restarts']}")


def ask(target: Target, request: dict[str, str]) -> dict[str, Any] | None:
    """Ask for a restart; asking again with the same id is asking once."""
    try:
        return target.ask_supervisor("POST", "/restart", request)
    except Failed:
        return None


def wait_for(
    target: Target, look: Callable[[], dict[str, Any] | None], what: str
) -> dict[str, Any]:
    """Return the first result of `look`; Failed when there is none in time."""
    deadline = time.monotonic() + START_SECONDS
    while (result := look()) is None:
        if time.monotonic() > deadline:
            raise Failed(f"waited {START_SECONDS:.0f} s for {what}")
        target.pause(0.1)
    return result


def health(target: Target, version: str) -> None:
    """The server runs this version and says that it is healthy, within a few tries."""
    tripped, detail = target.tripped("health"), ""
    for number in range(1, TRIES + 1):
        if number > 1:
            target.pause(0.6)
        running = target.running()
        if running is None or running["version"] != version:
            found = running["version"] if running else "no answer"
            detail = f"GET /version → {found} (expected {version})"
        else:
            status, answer = checked(target)
            if tripped and status == 200:
                status, answer = 503, "told to fail on the control port"
            detail = f"GET /healthz → {status} {answer}"
            if status == 200:
                say(f"ok, {detail}", GREEN)
                return
        say(f"{detail}, try {number} of {TRIES}", YELLOW)
    raise Failed(f"{target.name} is not healthy after {TRIES} tries: {detail}")


def checked(target: Target) -> tuple[int, str]:
    """Return status and words of `/healthz`, 0 if there is no answer."""
    try:
        status, answer = call("GET", target.url + "/healthz")
    except (OSError, ValueError) as error:
        return 0, str(error)
    return status, ": ".join(str(word) for word in answer.values())


def undrain(target: Target, _: str) -> None:
    """Let players in again."""
    target.trip("undrain")
    target.drained("DELETE")
    say("ok, players may join", GREEN)


def rollback(target: Target, _: str) -> None:
    """Put back what this job's switch replaced; restart only what runs something else; undrain."""
    noted = target.switched()
    if noted.get("from") and target.current() != noted["from"]:
        link(target.folder, noted["from"])
        say(f"current: {noted['to']} → {noted['from']}")
    running, version = target.running(), target.current()
    if running is None or running["version"] != version:
        bounce(target, running)
        wait_for(target, lambda: {} if checked(target)[0] == 200 else None, "it to be healthy")
    target.trip("rollback")
    target.drained("DELETE")
    say(f"ok, back on {version}, players may join", GREEN)


COMMANDS: dict[str, Callable[[Target, str], None]] = {
    command.__name__: command
    for command in (preflight, drain, fetch, switch, restart, health, undrain, rollback)
}
NEED_VERSION = {"preflight", "fetch", "switch", "health"}
