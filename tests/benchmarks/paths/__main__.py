"""Count the files that run on three paths: `python -m tests.benchmarks.paths [CLONE]`.

Starts the demo of a clone by its `ops/up`, of this one unless another is named, and records every
call of the project's functions. A function that also runs while nothing happens is not counted. A
return is a step back into a file that the path had left: what a reader has to remember.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.support.waiting import until

TRACER = Path(__file__).with_name("tracer")
IDLE_SECONDS, TAKEN_SECONDS, PAUSE_SECONDS, ANSWER_SECONDS = 20.0, 1.0, 0.1, 30.0
SUBMIT, HANDLER = "submit by the API to the handler", "VersionUpdate.run"
Window = tuple[int, int]


@dataclass(frozen=True)
class Call:
    """A call of one of the project's functions."""

    ns: int
    process: str
    file: str
    name: str

    @property
    def function(self) -> str:
        """The function with its file."""
        return f"{self.file} {self.name}"


@dataclass(frozen=True)
class Copy:
    """A demo that is ready."""

    url: str
    token: str
    servers: Sequence[str]
    version: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def submit(self) -> str:
        """Submit a job over one server; return its id."""
        params = {"servers": self.servers[:1], "version": self.version}
        asked = {"kind": "version-update", "params": params}
        answer = httpx.post(f"{self.url}/api/jobs", json=asked, headers=self.headers, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def connect(self, job: str) -> ClientConnection:
        """Open a WebSocket on a job."""
        url = f"{self.url.replace('http', 'ws', 1)}/ws/jobs/{job}/"
        return connect(url, additional_headers=self.headers, proxy=None)


def main() -> None:
    """Walk the three paths on a copy and print what they take."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.paths",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clone", nargs="?", type=Path, default=ROOT, help="a clone of the project")
    parser.add_argument("--list", action="store_true", help="print each call of a path")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reprise-paths-") as made:
        trace = Path(made, "trace")
        trace.mkdir()
        with running(options.clone.resolve(), Path(made, "state"), trace) as copy:
            windows = walk(copy)
        calls = sorted(read_calls(trace), key=lambda call: call.ns)
    idle = {call.function for call in inside(calls, windows.pop("idle"))}
    print(f"{'path':<42} functions  files  returns")
    for name, window in windows.items():
        path = first_calls(inside(calls, window), idle)
        if name == SUBMIT:
            path = path[: 1 + [call.name for call in path].index(HANDLER)]
        files = [call.file for call in path]
        print(f"{name:<42} {len(path):>9}  {len(set(files)):>5}  {count_returns(files):>7}")
        if options.list:
            print(*(f"  {call.process:>7} {call.function}" for call in path), sep="\n")


def walk(copy: Copy) -> dict[str, Window]:
    """Walk each path once warm; return when each was walked, in ns."""
    follow(copy, copy.submit())
    time.sleep(IDLE_SECONDS)
    now = time.monotonic_ns()
    windows = {"idle": (now - int(IDLE_SECONDS * 1e9), now)}
    job = copy.submit()
    time.sleep(TAKEN_SECONDS)  # so that its follower is not part of the path
    windows[SUBMIT] = (now, time.monotonic_ns())
    seen = follow(copy, job)
    windows["append of a step to the WebSocket"] = quiet_before_output(seen)
    time.sleep(PAUSE_SECONDS)
    now = time.monotonic_ns()
    with copy.connect(job) as connection:
        connection.recv(ANSWER_SECONDS)
        windows["request of a follower to the first frame"] = (now, time.monotonic_ns())
    return windows


def follow(copy: Copy, job: str) -> list[tuple[int, dict[str, Any]]]:
    """Follow a job to its end; return when each event came, and the event."""
    seen = []
    with copy.connect(job) as connection:
        for message in connection:
            now, frame = time.monotonic_ns(), json.loads(message)
            seen += [(now, event) for event in frame.get("events", ())]
            if frame["kind"] == "end":
                break
    return seen


def quiet_before_output(seen: Sequence[tuple[int, dict[str, Any]]]) -> Window:
    """Return the longest time between an event of a step's output and the one before."""
    times = [(then, now) for (then, _), (now, event) in pairwise(seen) if is_output(event)]
    before, at = max(times, key=lambda pair: pair[1] - pair[0])
    return before + int(PAUSE_SECONDS * 1e9 / 2), at


def is_output(event: dict[str, Any]) -> bool:
    """Return whether an event is output of a step."""
    return bool(event["type"] == "step.output")


def inside(calls: Sequence[Call], window: Window) -> Iterator[Call]:
    """Yield the calls within a window."""
    began, ended = window
    return (call for call in calls if began <= call.ns <= ended)


def first_calls(calls: Iterable[Call], idle: set[str]) -> list[Call]:
    """Return the first call of each function, without those of `idle`."""
    first: dict[str, Call] = {}
    for call in calls:
        if call.function not in idle:
            first.setdefault(call.function, call)
    return [*first.values()]


def count_returns(files: Sequence[str]) -> int:
    """Return how often a path goes back into a file that it had left."""
    steps = [file for file, _ in groupby(files)]
    return len(steps) - len(set(steps))


def read_calls(trace: Path) -> Iterator[Call]:
    """Yield what all processes wrote down."""
    for file in trace.iterdir():
        for line in file.read_text().splitlines():
            ns, path, name = line.split(" ", 2)
            yield Call(int(ns), file.name, path, name)


@contextmanager
def running(clone: Path, state: Path, trace: Path) -> Iterator[Copy]:
    """Start the demo of a clone, with its calls written down; stop it afterwards."""
    environment = {**os.environ, "REPRISE_STATE": str(state), "PORT": str(ports.free())}
    environment |= {"PYTHONPATH": str(TRACER), "REPRISE_TRACE": str(trace)}
    with state.with_name("up.log").open("wb") as log:
        up = subprocess.Popen([clone / "ops" / "up"], cwd=clone, env=environment, stdout=log)
        try:
            until(lambda: up.poll() is not None or (state / "ready.json").exists(), "ops/up")
            ready = json.loads((state / "ready.json").read_text())
            servers = [server["name"] for server in ready["fleet"]]
            yield Copy(ready["url"], ready["token"], servers, ready["versions"][-1])
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait()


if __name__ == "__main__":
    main()
