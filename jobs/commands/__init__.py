"""What people ask for: submit a job, steer it, retry it. Each command is one transaction."""

from __future__ import annotations

from typing import Any

from core.deprecation import renamed_name
from jobs.commands.steer import approve, cancel, pause, reject, resume, send_signal
from jobs.commands.submit import build_job, build_refused, has_secrets, submit, submit_idempotent

__all__ = [
    "approve",
    "build_job",
    "build_refused",
    "cancel",
    "has_secrets",
    "pause",
    "reject",
    "resume",
    "send_signal",
    "submit",
    "submit_idempotent",
]


def __getattr__(name: str) -> Any:
    return renamed_name(__name__, name, {"signal": "jobs.commands.send_signal"})
