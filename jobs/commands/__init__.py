"""What people ask for: submit a job, steer it, retry it. Each command is one transaction."""

from jobs.commands.submit import (
    build_refused,
    cancel,
    has_secrets,
    once,
    signal,
    submit,
    wake,
    wanted,
    with_reason,
)

__all__ = [
    "build_refused",
    "cancel",
    "has_secrets",
    "once",
    "signal",
    "submit",
    "wake",
    "wanted",
    "with_reason",
]
