"""What a process logs belongs to: the kind of process, and a request or a run.

A task and the tasks that it starts share what it belongs to, as context variables do;
`core.db.in_thread` takes it along.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Context, ContextVar
from types import MappingProxyType

_fields: ContextVar[Mapping[str, str | int]] = ContextVar(
    "core.log_context", default=MappingProxyType({})
)
_process = "command"


def name_process(kind: str) -> None:
    """Say what this process is: `web`, `worker`, `sweeper` or `sealer`."""
    global _process
    _process = kind


def process_kind() -> str:
    """Return what this process is; `command` for one that does not keep running."""
    return _process


def add_fields(**fields: str | int) -> None:
    """Have the lines of this task, and of those that it starts from here on, carry these."""
    _fields.set({**_fields.get(), **fields})


def current_fields() -> Mapping[str, str | int]:
    """Return what a line that is logged here belongs to, by the names of a line's members."""
    return _fields.get()


def fresh_context() -> Context:
    """Return a context that belongs to nothing, for a task that outlives who starts it."""
    return Context()
