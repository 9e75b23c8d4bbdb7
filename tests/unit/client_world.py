"""A world for the follower's core: a log, connections that misbehave by script, time that jumps."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from streams.client import frames
from streams.client.actions import Alive, Close, Given, Open, Over, Reset, Retry, Signal
from streams.client.backoff import Backoff, Patience
from streams.client.close_reasons import Lost, Refusal, Rotated, by_close_code
from streams.client.core import Core
from streams.client.fallback import TRANSPORTS, Fallback, UpgradeTimes
from streams.client.frames import CaughtUp, End, Event, Events, FellBehind, Heartbeat, Hello
from streams.client.info import Info

JOB = UUID("0192f3c1-0000-7000-8000-000000000001")
HEARTBEAT_S = 15.0

Does = Literal[
    "send", "again", "skip", "caught up", "fall behind", "beat", "rotate", "cut", "busy",
    "fall silent", "mumble", "refuse", "greet", "drip", "end large messages",
]  # fmt: skip


ENDS = frozenset[Does](
    {"cut", "rotate", "busy", "refuse", "fall silent", "mumble", "end large messages"}
)


@dataclass(frozen=True)
class Act:
    """One thing that a connection does."""

    does: Does
    count: int = 1


def history(count: int, job: UUID = JOB) -> list[Event]:
    """Return a log of so many events with a sound chain; the last one is terminal."""
    previous, found = hashlib.sha256(job.bytes).digest(), []
    for seq in range(1, count + 1):
        type = "job.succeeded" if seq == count else "step.output"
        data = {"text": f'{seq} "}}],é\u2028', "stream": "out"}
        reported = {"seq": seq, "type": type, "version": 1, "data": data}
        body = json.dumps(reported, ensure_ascii=False, separators=(",", ":")).encode()
        previous = hashlib.sha256(previous + body).digest()
        raw = body[:-1] + f',"hash":"{previous.hex()}"}}'.encode()
        found.append(frames.parse_event(raw.decode()))
    return found


@dataclass
class Connection:
    """A server's end: first its script, then everything to the end, in good order."""

    log: Sequence[Event]
    at: int
    script: list[Act]
    greeted: bool = False
    silent: bool = False

    def step(self) -> list[Signal]:
        """Return what it sends next; nothing where it has fallen silent."""
        if self.silent:
            return []
        if self.script:
            act = self.script.pop(0)
            if act.does in ENDS:
                return self._ends(act)
            hello = [] if self.greeted else [self._hello()]
            return [*hello, *self._does(act)]
        rest = [] if self.greeted else [self._hello()]
        return [*rest, *self._send(len(self.log)), CaughtUp(self.at, self.at), self._end()]

    def _hello(self) -> Signal:
        self.greeted = True
        return Hello(1, max(self.at, len(self.log) // 2), HEARTBEAT_S)

    def _end(self) -> Signal:
        return End(len(self.log), "succeeded")

    def _send(self, count: int) -> list[Signal]:
        events = tuple(self.log[self.at : self.at + count])
        self.at += len(events)
        return [Events(events)] if events else []

    def _does(self, act: Act) -> list[Signal]:
        match act.does:
            case "again":
                self.at = max(0, self.at - act.count)
                return self._send(act.count)
            case "skip":
                self.at = min(len(self.log), self.at + act.count)
                return self._send(1) or [self._end()]
            case "caught up":
                return [CaughtUp(self.at, self.at)]
            case "fall behind":
                return [FellBehind(self.at, min(len(self.log), self.at + act.count))]
            case "beat":
                return [Heartbeat(self.at)]
            case "greet":
                return []
            case "drip":
                return [Alive(act.count)] * act.count
        return self._send(act.count)

    def _ends(self, act: Act) -> list[Signal]:
        match act.does:
            case "rotate":
                return [Rotated()]
            case "busy":
                return [Lost("over_limit", "Too many.", act.count, from_server=True)]
            case "refuse":
                return [Refusal("not_found", "There is nothing here that you may see.")]
            case "mumble":
                return [Alive(act.count), Retry(act.count / 10)]
            case "end large messages":
                return [by_close_code(1009, "", None)]
            case "fall silent":
                self.silent = True
                return []
        return [Lost("network", "Connection reset by peer.")]


@dataclass
class World:
    """Runs a core on a log: what the scripts, chance and time make of it.

    `faults` are what every connection over a transport does, in place of the scripts. Where the
    network is `prompt`, time passes only while nothing comes.
    """

    log: Sequence[Event]
    scripts: list[list[Act]]
    core: Core
    chance: random.Random
    now: float = 0.0
    faults: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    prompt: bool = False
    open: dict[int, Connection] = field(default_factory=dict)
    opened: list[Open] = field(default_factory=list)
    given: list[Event] = field(default_factory=list)
    infos: list[Info] = field(default_factory=list)
    over: Over | None = None

    def run(self, steps: int = 20_000) -> World:
        """Run until it is over, or so many steps."""
        self.core.start(self.now)
        for _ in range(steps):
            self.carry_out()
            if self.over:
                break
            able = [number for number, one in self.open.items() if not (self.prompt and one.silent)]
            if able and (self.prompt or self.chance.random() < 0.8):
                number = self.chance.choice(able)
                for signal in self.open[number].step():
                    self.core.take(number, signal, self.now)
            else:
                self.pass_time()
        return self

    def carry_out(self) -> None:
        """Do what the core wants."""
        for move in self.core.moves():
            match move:
                case Open(number, transport, cursor):
                    script = self.scripts.pop(0) if self.scripts else []
                    script = list(self.faults.get(transport, script))
                    self.open[number] = Connection(self.log, int(cursor.split("-")[0]), script)
                    self.opened.append(move)
                case Close(number):
                    self.open.pop(number, None)
                case Over():
                    self.over = move
                case Given(events, info):
                    self.given += events
                    self.infos.append(info)
                case Reset():
                    self.given.clear()
                case _:
                    self.infos.append(move.info)

    def pass_time(self) -> None:
        """Let time pass to when the core is due, or to some moment before."""
        due = self.core.due
        assert due is not None, "the core waits for nothing"
        part = 1.0 if self.chance.random() < 0.5 else self.chance.random()
        self.now += max(0.0, due - self.now) * part
        if part == 1.0:
            self.now = max(self.now, due)
        self.core.tick(self.now)


def make_core(
    *,
    after: str = "0",
    rungs: Sequence[str] = TRANSPORTS,
    chance: random.Random | None = None,
    patience: Patience | None = None,
    upgrade: UpgradeTimes | None = None,
    verify: bool = False,
    restart: bool = False,
) -> Core:
    """Return a core; without `chance` every wait is half of its ceiling."""
    draw = chance.random if chance else lambda: 0.5
    return Core(
        JOB, after, Fallback(rungs, upgrade), Backoff(draw), patience or Patience(),
        verify=verify, restart=restart,
    )  # fmt: skip
