"""Faults requested over a control port: which step fails, how often and how."""

from __future__ import annotations

from collections import Counter
from typing import Any

STEPS = ("preflight", "drain", "fetch", "switch", "restart", "health", "undrain", "rollback")
WAYS = ("fail", "hang")


class Faults:
    """The failures still to come on one target; `begun` counts the commands that got to work."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self._left: dict[str, tuple[int, str]] = {}

    def tell(self, body: dict[str, Any]) -> None:
        """Take `{"step","times":1,"how":"fail"}`, the defaults shown; ValueError if unusable."""
        step, times, how = body.get("step"), body.get("times", 1), body.get("how", "fail")
        if step not in STEPS:
            raise ValueError(f"step must be one of {', '.join(STEPS)}, not {step!r}")
        if how not in WAYS:
            raise ValueError(f"how must be one of {', '.join(WAYS)}, not {how!r}")
        if type(times) is not int or times < 0:
            raise ValueError(f"times must be a number from 0 on, not {times!r}")
        self._left.pop(step, None)
        if times:
            self._left[step] = (times, how)

    def take(self, step: object) -> str | None:
        """Return how this step is to go wrong now, None if it is not; each taking counts."""
        self.begun[str(step)] += 1
        times, how = self._left.get(str(step), (0, ""))
        if not times:
            return None
        self.tell({"step": step, "times": times - 1, "how": how})
        return how

    def clear(self) -> None:
        """Let everything go well from here on."""
        self._left.clear()

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Return what is still to come, by step."""
        return {step: {"times": times, "how": how} for step, (times, how) in self._left.items()}
