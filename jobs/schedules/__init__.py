"""Schedules: jobs submitted by the clock, each moment once, however many sweepers run."""

from jobs.schedules.cron import BadSchedule, moments_between, next_moment, next_moments
from jobs.schedules.schedule import (
    MISSED,
    Standing,
    find_problem,
    fire_due,
    plan_next,
    schedules_status,
    set_enabled,
)

__all__ = [
    "MISSED",
    "BadSchedule",
    "Standing",
    "find_problem",
    "fire_due",
    "moments_between",
    "next_moment",
    "next_moments",
    "plan_next",
    "schedules_status",
    "set_enabled",
]
