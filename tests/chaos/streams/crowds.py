"""The crowds of followers as the series sees them: started, asked, sent home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ops.embedded.server import tethered
from ops.errors import CannotStart
from ops.setup.clone import ROOT
from tests.chaos.hosts import Host
from tests.chaos.streams.crowd import Ended, Plan, Planned, Report
from tests.chaos.supervised import Keep

COMMAND = [sys.executable, "-m", "tests.chaos.streams.crowd"]
PROCESSES = 4
LEAVE_SECONDS = 60.0
#: A report that is older says nothing any more.
FRESH_SECONDS = 3.0


class Crowd:
    """One process of followers, tied to this thread; another listens to it. `program` is what reads
    the plan, followers in Python unless it is another."""

    def __init__(self, plan: Plan, host: Host, log: Path, program: Sequence[str] = COMMAND) -> None:
        self.report = Report()
        self.heard_at = 0.0
        self.ended: list[Ended] = []
        self.log = log
        command = host.command(tethered(list(program), signal.SIGKILL, parent=os.getpid()))
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=ROOT,
                text=True,
                start_new_session=True,  # a terminal's Ctrl-C is for us alone
            )
        self._tell(json.dumps(asdict(plan)))
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def leave(self) -> None:
        """Have it write down what it has, whether its jobs have ended or not."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    @property
    def is_over(self) -> bool:
        """Whether it has said all that it has to say."""
        return not self._listening.is_alive()

    def end(self) -> None:
        """Be rid of it."""
        self.process.kill()
        self.process.wait()

    def _tell(self, line: str) -> None:
        if self.process.stdin is not None:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            match json.loads(line):
                case dict(report):
                    self.report, self.heard_at = Report(**report), time.monotonic()
                case list(ended):
                    self.ended = [Ended(**one) for one in ended]


class Crowds:
    """All of them."""

    def __init__(self, keep: Keep, host: Host, folder: Path) -> None:
        self._keep, self._host, self._folder = keep, host, folder
        self._all: list[Crowd] = []
        self.histories = folder / "histories"

    def start(self, token: str, followers: Sequence[Planned]) -> None:
        """Have these follow."""
        self.histories.mkdir()
        for number in range(PROCESSES):
            some = followers[number::PROCESSES]
            if some:
                plan = Plan(token, str(self.histories), some)
                crowd = Crowd(plan, self._host, self._folder / f"crowd-{number + 1}.log")
                self._keep.spare(lambda crowd=crowd: crowd.process.pid)  # type: ignore[misc]
                self._all.append(crowd)

    @property
    def report(self) -> Report | None:
        """The last second of all together; None if one has said nothing for a while."""
        fresh = time.monotonic() - FRESH_SECONDS
        if any(crowd.heard_at < fresh for crowd in self._all):
            return None
        said = [crowd.report for crowd in self._all]
        return Report(
            sum(one.events for one in said),
            max(one.late for one in said),
            max(one.silent for one in said),
        )

    @property
    def are_over(self) -> bool:
        """Whether all have left."""
        return all(crowd.is_over for crowd in self._all)

    def leave(self) -> None:
        """Have all write down what they have."""
        for crowd in self._all:
            crowd.leave()

    def watch(self) -> None:
        """CannotStart if one has ended before it said how."""
        for crowd in self._all:
            if crowd.is_over and not crowd.ended:
                raise CannotStart(f"A crowd of followers has ended by itself: {crowd.log}")

    @property
    def ended(self) -> list[Ended]:
        """How each follower ended, in their order."""
        return sorted((one for crowd in self._all for one in crowd.ended), key=lambda it: it.number)

    def end(self) -> None:
        """Be rid of all."""
        for crowd in self._all:
            crowd.end()
