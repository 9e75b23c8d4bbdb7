"""Which line of a kind's code asks: "package/module.py:42"."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import PurePath
from traceback import walk_tb
from types import CodeType, FrameType
from typing import Any

from jobs.run.control import CALLER

# The modules that a call passes on its way from a handler: their lines say nothing about it.
_OURS = (
    "jobs.run", "jobs.replay", "core.user_code", "asyncio", "concurrent", "contextlib", "threading",
)  # fmt: skip


def asking_line() -> str | None:
    """Return the line of the kind's code that called the run; None if none is on the stack.

    A plain function asks from a thread of its own, where it waits for the answer meanwhile.
    """
    frame: FrameType | None = sys._getframe(1)
    thread = CALLER.get()
    stacks = [frame, sys._current_frames().get(thread) if thread else None]
    return next((line for stack in stacks if (line := _find_line(stack))), None)


def line_of(fn: Callable[..., Any]) -> str | None:
    """Return where a function is defined."""
    code = getattr(inspect.unwrap(fn), "__code__", None)
    return _describe_line(fn.__module__, code, code.co_firstlineno) if code else None


def raising_line(error: BaseException | None, handler: Callable[..., Any]) -> str | None:
    """Return the innermost line of the handler's package that an error came through."""
    package = str(getattr(handler, "__module__", "")).partition(".")[0]
    lines = [
        _describe_line(module, frame.f_code, line)
        for frame, line in walk_tb(error.__traceback__ if error else None)
        if _is_kinds(module := str(frame.f_globals.get("__name__", "")))
        and module.partition(".")[0] == package
    ]
    return lines[-1] if lines else None


def _is_kinds(module: str) -> bool:
    return not any(module == ours or module.startswith(f"{ours}.") for ours in _OURS)


def _find_line(frame: FrameType | None) -> str | None:
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if _is_kinds(module):
            return _describe_line(module, frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None


def _describe_line(module: str, code: CodeType, line: int) -> str:
    """Return the file as its package has it, whatever folder that is in."""
    path = PurePath(code.co_filename)
    depth = len(module.split(".")) + (path.stem == "__init__")
    return f"{'/'.join(path.parts[-depth:])}:{line}"
