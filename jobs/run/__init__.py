"""The run API: what a handler sees. Steps are durable, output and progress are events.

A step is known by its name, its target and its occurrence (the how-manieth call with that name and
target in this run). Its success is recorded, and a later attempt gets the recorded result without
running it again. One that was in flight at a crash runs at least once more, so write steps that
may be repeated.
"""

from __future__ import annotations

from jobs.run.errors import (
    MAX_MESSAGE,
    Cancelled,
    Diverged,
    HandedOver,
    JobFailed,
    Leaving,
    Parked,
    Rejected,
    StepFailed,
)
from jobs.run.gates import Approval
from jobs.run.retry import Retry
from jobs.run.rollout import Outcome, Stopped
from jobs.run.run import Run
from jobs.run.step import Step
from jobs.run.sync import SyncRun, call_handler
from jobs.run.timers import parking_events

__all__ = [
    "MAX_MESSAGE",
    "Approval",
    "Cancelled",
    "Diverged",
    "HandedOver",
    "JobFailed",
    "Leaving",
    "Outcome",
    "Parked",
    "Rejected",
    "Retry",
    "Run",
    "Step",
    "StepFailed",
    "Stopped",
    "SyncRun",
    "call_handler",
    "parking_events",
]
