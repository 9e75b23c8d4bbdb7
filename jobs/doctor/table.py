"""All checks, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from core.errors import NotFound
from jobs.doctor.address import address_checks
from jobs.doctor.check import Check
from jobs.doctor.database import database_checks
from jobs.doctor.host import host_checks
from jobs.doctor.keys import key_checks
from jobs.doctor.processes import process_checks
from jobs.doctor.storage import storage_checks
from jobs.doctor.valkey import valkey_checks


def all_checks(url: str, backups: Path) -> list[Check]:
    """Return every check; of the public address where it is named."""
    return [
        *host_checks(),
        *database_checks(),
        *valkey_checks(),
        *process_checks(),
        *key_checks(),
        *storage_checks(backups),
        *address_checks(url),
    ]


def choose_checks(checks: Sequence[Check], names: Collection[str]) -> list[Check]:
    """Return the checks of these names, and those that they need. Raises NotFound."""
    known = {check.name: check for check in checks}
    if unknown := sorted(set(names) - known.keys()):
        raise NotFound(f"There is no check {unknown[0]}; there are {', '.join(known)}.")
    wanted = set(names)
    for check in reversed(checks):
        if check.name in wanted and check.needs:
            wanted.add(check.needs)
    return [check for check in checks if check.name in wanted]
