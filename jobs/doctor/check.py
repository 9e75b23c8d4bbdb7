"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How much a finding matters: a problem has to be solved, a warning to be looked at."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found: `said` has what is there, and what to do about it."""

    check: str
    grade: Grade
    said: str


class Flaw(Exception):
    """Something is not as it must be; the message says what to do."""

    grade = Grade.PROBLEM


class Doubt(Flaw):
    """Something may be as it should, or not: somebody has to look."""

    grade = Grade.WARNING


@dataclass(frozen=True, slots=True)
class Check:
    """One check by its name.

    `look` returns what is there in a few words, and raises Flaw, Doubt, or what its driver raises.
    `needs` names the check without which this one can say nothing.
    """

    name: str
    look: Callable[[], str]
    needs: str = ""
