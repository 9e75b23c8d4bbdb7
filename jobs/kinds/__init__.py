"""Job kinds. Write one with `Kind`, `Plan` and `Group`: docs/how-to/write-a-job-kind.md."""

from jobs.kinds.kind import Group, Kind, Plan

__all__ = ["Group", "Kind", "Plan"]
