"""Prints the scripts' progress: a line for each step with its duration."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
WIDTH = 38
STILL_AT_IT_SECONDS = 15.0

_output = threading.Lock()


def line(text: str = "") -> None:
    """Print one line at once."""
    with _output:
        print(text, flush=True)


def seconds(value: float) -> str:
    """Return a duration for people: `0.4 s`, `12.3 s`, `2 min 05 s`."""
    if value < 99.95:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60:02} s"


@dataclass(slots=True)
class Step:
    """A step under way; set `note` to say at its end what came of it."""

    name: str
    note: str = ""


class _Ticker:
    """Shows that a step goes on: a spinner on a terminal, a line now and then elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._done = threading.Event()
        self._tty = sys.stdout.isatty()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self._done.wait(0.1 if self._tty else STILL_AT_IT_SECONDS):
            passed = seconds(time.monotonic() - self._began)
            if self._tty:
                sign = SPINNER[turn % len(SPINNER)]
                with _output:
                    print(f"\r  {sign} {self._name:<{WIDTH}}{passed:>9}", end="", flush=True)
            else:
                line(f"    still at it: {self._name} ({passed})")
            turn += 1
        if self._tty:
            with _output:
                print("\r\033[K", end="", flush=True)


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Show a step while it lasts and, at its end, whether it went well and how long it took."""
    began = time.monotonic()
    current, sign = Step(name), "✗"
    try:
        with _Ticker(name):
            yield current
        sign = "✓"
    finally:
        took = seconds(time.monotonic() - began)
        line(f"  {sign} {name:<{WIDTH}}{took:>9}  {current.note}".rstrip())
