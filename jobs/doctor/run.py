"""Runs checks: each in a thread of its own with a deadline, so that none hides another."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from django.db import connection

from core.db import leave_pool
from core.user_code import describe_error
from jobs.doctor.check import Check, Finding, Flaw, Grade


def run_checks(checks: Sequence[Check], seconds: float) -> Iterator[Finding]:
    """Yield what each check finds, in their order; a problem for one that takes over `seconds`.

    A check is not made where what it needs, which stands before it, has a problem.
    """
    found: dict[str, Finding] = {}
    lost = set[str]()
    waiting = list(checks)
    while waiting:
        now = [check for check in waiting if not check.needs or check.needs in found]
        waiting = [check for check in waiting if check not in now]
        running = [_Running(check, seconds) for check in now if check.needs not in lost]
        left = [check for check in now if check.needs in lost]
        found |= {check.name: _not_checked(check) for check in left}
        found |= {one.check: one for one in (each.finding() for each in running)}
        lost.update(check.name for check in left)
        lost.update(name for name, one in found.items() if one.grade == Grade.PROBLEM)
    for check in checks:
        yield found[check.name]


def _not_checked(check: Check) -> Finding:
    return Finding(check.name, Grade.WARNING, f"not checked: see {check.needs}")


class _Running:
    """A check in a thread, which ends with the process at the latest."""

    def __init__(self, check: Check, seconds: float) -> None:
        self._check, self._seconds = check, seconds
        self._finding: Finding | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def finding(self) -> Finding:
        """Wait for it, and return what it has found."""
        self._thread.join(self._seconds)
        late = f"no answer within {self._seconds:g} s"
        return self._finding or Finding(self._check.name, Grade.PROBLEM, late)

    def _look(self) -> None:
        leave_pool()
        grade, said = Grade.OK, ""
        try:
            said = self._check.look()
        except Flaw as flaw:
            grade, said = flaw.grade, str(flaw)
        except Exception as error:  # noqa: BLE001 - the edge: whatever a check meets is its finding
            grade, said = Grade.PROBLEM, describe_error(error)
        finally:
            connection.close()
        self._finding = Finding(self._check.name, grade, " ".join(said.split()))
