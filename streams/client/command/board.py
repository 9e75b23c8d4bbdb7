"""A small fold: what the command shows of a job. `jobs.events.fold` is the service's full one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.client.frames import Event

ENDS = {"step.succeeded": "ok", "step.failed": "failed", "step.skipped": "ok"}
TERMINAL = {"job.succeeded": "succeeded", "job.failed": "failed", "job.cancelled": "cancelled"}


@dataclass(slots=True)
class Target:
    """One target, or one step of a job that has none: which of its steps are done."""

    name: str
    done: set[str] = field(default_factory=set)
    step: str = ""  # the one that runs
    part: float = 0.0  # how much of that is done
    failed: bool = False

    @property
    def running(self) -> bool:
        """Whether a step of it runs."""
        return self.step != ""


@dataclass(slots=True)
class Board:
    """A job as its events tell it; every member may be wrong where following began in mid-log."""

    title: str = ""
    kind: str = ""
    status: str = ""
    message: str = ""
    done: int = 0
    total: int = 0
    steps: list[str] = field(default_factory=list)
    targets: dict[str, Target] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take the next event; what it does not know leaves it as it is."""
        data = event.data or {}
        if event.type == "job.submitted":
            self._take_submitted(data)
        elif event.type == "job.extended":
            self._take_extended(data)
        elif event.type == "job.progressed":
            self.done = _count_or(data.get("done"), self.done)
            self.total = _count_or(data.get("total"), self.total)
        elif event.type in TERMINAL:
            self.status, self.message = TERMINAL[event.type], str(data.get("message") or "")
        elif event.type.startswith("step."):
            self._take_step(event, data)
        elif event.type == "attempt.started":
            for target in self.targets.values():
                target.step = ""

    def target(self, name: str) -> Target:
        """Return a target by its name, made where it is new."""
        return self.targets.setdefault(name, Target(name))

    def steps_of(self, target: Target) -> int:
        """Return how many steps a target has, as far as is known."""
        return max(len(self.steps), len(target.done) + target.running)

    def _take_submitted(self, data: Mapping[str, Any]) -> None:
        self.title, self.kind = str(data.get("title") or ""), str(data.get("kind") or "")
        self.total = _count_or(data.get("total"), 0)
        plan = data.get("plan")
        if not isinstance(plan, dict):
            return
        self.steps = [str(step) for step in plan.get("steps") or ()]
        self._take_groups(plan.get("groups") or ())

    def _take_groups(self, groups: Iterable[Any]) -> None:
        for group in groups:
            for name in group.get("targets") or () if isinstance(group, dict) else ():
                self.target(str(name))

    def _take_extended(self, data: Mapping[str, Any]) -> None:
        """Take the names that did not fit into `job.submitted`, as the plan has them."""
        for part in data.get("parts") or ():
            at = list(part.get("at") or [])
            if at == ["plan", "groups"]:
                self._take_groups(part.get("items") or ())
            elif at[:2] == ["plan", "groups"] and at[-1] == "targets":
                for name in part.get("items") or ():
                    self.target(str(name))

    def _take_step(self, event: Event, data: Mapping[str, Any]) -> None:
        step = event.step or ""
        target = self.target(event.target or step)
        is_kept = event.type == "step.kept"
        match f"step.{data.get('status')}" if is_kept else event.type:
            case "step.started":
                target.step, target.part = step, 0.0
            case "step.progressed":
                total = _count_or(data.get("total"), 0)
                target.part = min(1.0, _count_or(data.get("done"), 0) / total) if total else 0.0
            case "step.retried":
                target.step = ""
            case type if type in ENDS:
                target.done.add(f"{step} {data.get('occurrence', 1)}")
                target.step, target.part = "", 0.0
                target.failed = ENDS[type] == "failed"


def _count_or(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and value >= 0 else otherwise
