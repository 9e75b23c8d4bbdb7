"""Schedules: jobs submitted by the clock, each moment once, however many sweepers run."""

from jobs.schedules.schedule import (
    MISSED,
    BadSchedule,
    Standing,
    fire,
    following,
    plan,
    problem,
    set_enabled,
    standing,
)

__all__ = [
    "MISSED",
    "BadSchedule",
    "Standing",
    "fire",
    "following",
    "plan",
    "problem",
    "set_enabled",
    "standing",
]
