"""Checks of an installation: what is wrong with it, and in one line each what to do.

`check` is what all of them are made of, `run` runs them, each in a thread with a deadline. The
others are the checks of one part each: `host`, `database`, `valkey`, `processes`, `keys`,
`storage`, `address`.
"""

from jobs.doctor.check import Finding, Grade
from jobs.doctor.run import run_checks
from jobs.doctor.table import all_checks, choose_checks

__all__ = ["Finding", "Grade", "all_checks", "choose_checks", "run_checks"]
