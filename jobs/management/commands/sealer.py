"""`manage.py sealer`: makes seals when they are due; the only process that needs their key."""

from __future__ import annotations

import threading
from typing import Any

from django.core.management.base import CommandParser

from jobs.integrity import seals
from jobs.management.base import ServiceCommand, serve_duties
from jobs.management.probes import add_port_argument, sealer_probes, start_probes
from jobs.queue.maintenance import SEALS, Duty
from jobs.startup import start_process
from jobs.system_log.startup import record_settings_soon

SECONDS = 600.0


class Command(ServiceCommand):
    help = "Seal all logs when it is due. No other process that keeps running needs the seal key."

    def add_arguments(self, parser: CommandParser) -> None:
        add_port_argument(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        start_process("sealer")
        record_settings_soon("sealer")
        stop, duty = threading.Event(), Duty(SEALS, seals.seal_if_due, SECONDS)
        start_probes(sealer_probes(duty, stop.is_set), options["health_port"])
        serve_duties([[duty]], stop)
