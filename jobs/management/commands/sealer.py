"""`manage.py sealer`: makes seals when they are due; the only process that needs their key."""

from __future__ import annotations

from typing import Any

from core.log_context import name_process
from jobs.integrity import seals
from jobs.management.base import ServiceCommand, serve_duties
from jobs.queue.maintenance import SEALS, Duty
from jobs.system_log.startup import record_settings_soon

SECONDS = 600.0


class Command(ServiceCommand):
    help = "Seal all logs when it is due. No other process that keeps running needs the seal key."

    def handle(self, *_: Any, **__: Any) -> None:
        name_process("sealer")
        record_settings_soon("sealer")
        serve_duties([[Duty(SEALS, seals.seal_if_due, SECONDS)]])
