"""Checks of the other processes: sweeper, sealer and workers, and what waits for them."""

from __future__ import annotations

from django.conf import settings

from core import clock
from core.ids import uuid7_floor
from core.words import counted
from jobs.doctor.check import Check, Doubt, Flaw
from jobs.doctor.database import MIGRATIONS
from jobs.models import Job, Seal
from jobs.queue import live_workers, maintenance


def process_checks() -> list[Check]:
    """Return the checks of the other processes."""
    return [
        Check("sweeper", check_sweeper, MIGRATIONS),
        Check("sealer", check_sealer, MIGRATIONS),
        Check("workers", check_workers, MIGRATIONS),
        Check("kinds", check_kinds, MIGRATIONS),
    ]


def check_sweeper() -> str:
    """Look whether each duty of the sweeper was done in time."""
    return _check_duties("sweeper", [one for one in _duties() if one.name != maintenance.SEALS])


def check_sealer() -> str:
    """Look whether the sealer does its duty, and how old the last seal is."""
    hours = settings.REPRISE.seal_hours
    if not hours:
        return "off (REPRISE_SEAL_HOURS=0)"
    said = _check_duties("sealer", [one for one in _duties() if one.name == maintenance.SEALS])
    last = Seal.objects.order_by("-number").first()
    if last is None:
        return f"{said}; nothing to seal yet"
    age = (clock.now() - last.at).total_seconds() / 3600
    if age > 2 * hours + 1 and Job.objects.filter(pk__gte=uuid7_floor(last.at)).exists():
        raise Flaw(f"seal {last.number} is {age:.0f} h old, jobs go on: look at the sealer's log")
    return f"{said}; seal {last.number} is {age:.0f} h old"


def _duties() -> list[maintenance.Standing]:
    return maintenance.duty_status()


def _check_duties(process: str, found: list[maintenance.Standing]) -> str:
    start = f"start one with reprise-admin {process}"
    if not found:
        raise Flaw(f"none has ever run here: {start}")
    if failing := next((one for one in found if one.failures), None):
        raise Flaw(f"{failing.name} fails, {failing.failures} times in a row: {failing.error}")
    if late := [one.name for one in found if one.late]:
        raise Flaw(f"{', '.join(late)} not done in time: {start}")
    return f"{counted(len(found), 'duty', 'duties')} done in time"


def check_workers() -> str:
    """Look whether a worker is live."""
    if not (count := live_workers.count_live()):
        raise Flaw("none is live: jobs wait; start one with reprise-admin worker")
    return f"{count} live"


def check_kinds() -> str:
    """Look whether jobs wait for a kind that no worker knows."""
    if found := live_workers.unknown_kinds():
        said = live_workers.describe_kinds(found)
        raise Doubt(f"{said}: install the package with the kind where workers run")
    return "no job waits for a kind that no worker knows"
