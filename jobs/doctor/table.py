"""All checks, in the order in which they are told."""

from __future__ import annotations

from pathlib import Path

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
