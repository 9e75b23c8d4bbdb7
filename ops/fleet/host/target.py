"""One game server as the control script sees it: its folder, its address, its supervisor."""

from __future__ import annotations

import argparse
import os
import signal
import time
from typing import Any

from ops.fleet.host.basics import YELLOW, Failed, call, load, say


class Target:
    """One game server as this script sees it: its folder, its address, its supervisor."""

    def __init__(self, args: argparse.Namespace, job: str) -> None:
        self.folder = os.path.abspath(args.folder)
        self.name = args.name or os.path.basename(self.folder)
        self.repository, self.control, self.speed, self.job = (
            os.path.abspath(args.repository), args.control.rstrip("/"), args.speed, job,
        )  # fmt: skip
        self.url = (args.url or self.ask_supervisor("GET", "/")["url"]).rstrip("/")

    def path(self, *parts: str) -> str:
        """Return a path in the target's folder."""
        return os.path.join(self.folder, *parts)

    def pause(self, seconds: float) -> None:
        """Wait, at the demo's speed."""
        time.sleep(seconds / self.speed)

    def ask_supervisor(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the supervisor answers; Failed if it does not."""
        try:
            status, answer = call(method, self.control + path, body)
        except (OSError, ValueError) as error:
            raise Failed(f"the supervisor did not answer at {self.control}: {error}") from error
        if status >= 400:
            raise Failed(f"the supervisor answered {status}: {answer.get('error')}")
        return answer

    def tripped(self, step: str) -> bool:
        """Return whether this step is to fail, as told on the control port; or hang here."""
        how = self.ask_supervisor("POST", "/begin", {"step": step}).get("how")
        if how == "hang":
            say("hangs from here on, as asked on the control port", YELLOW)
            signal.pause()
        return how is not None

    def trip(self, step: str) -> None:
        """Fail here if the control port was told so."""
        if self.tripped(step):
            raise Failed(f"{self.name} was told to fail here, on its control port")

    def running(self) -> dict[str, Any] | None:
        """Return what `/version` answers, None if nothing answers."""
        try:
            status, answer = call("GET", self.url + "/version")
        except (OSError, ValueError):
            return None
        return answer if status == 200 else None

    def current(self) -> str:
        """Return the version that `current` points at, empty where it points nowhere."""
        try:
            return os.path.basename(os.readlink(self.path("current")))
        except FileNotFoundError:
            return ""

    def switched(self) -> dict[str, Any]:
        """Return what this job's switch noted ({"from","to","at"}), empty where it did none."""
        note = load(self.path("switched.json"))
        return note if note.get("job") == self.job else {}

    def drained(self, method: str) -> dict[str, Any]:
        """Ask the server about its drain, or begin (POST) or end (DELETE) one."""
        try:
            return call(method, self.url + "/drain")[1]
        except (OSError, ValueError) as error:
            raise Failed(f"{self.name} did not answer at {self.url}: {error}") from error
