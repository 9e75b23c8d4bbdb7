"""`manage.py sweeper`: what nobody runs, schedules, the feed and its readers, notices."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from jobs import feed, schedules, sweeper
from jobs.access.sso import recheck
from jobs.feed.consumer_threads import ConsumerThreads
from jobs.management.base import ServiceCommand, serve_duties
from jobs.management.probes import add_port_argument, start_probes, sweeper_probes
from jobs.queue import maintenance
from jobs.queue.maintenance import Duty
from jobs.startup import start_process
from jobs.system_log.startup import record_settings_soon

SCHEDULES_SECONDS = 1.0
SINGLE_SIGN_ON_SECONDS = 1.0
NOTICES_SECONDS = 1.0
WATCH_SECONDS = 5.0
HOUSE_SECONDS = 600.0


class Command(ServiceCommand):
    help = "Deliver jobs that nobody runs, fire schedules, sequence the feed and run its consumers."

    def add_arguments(self, parser: CommandParser) -> None:
        add_port_argument(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        start_process("sweeper")
        record_settings_soon("sweeper")
        stop = threading.Event()
        crew = ConsumerThreads(stop)
        groups = duty_groups(crew)
        start_probes(sweeper_probes(groups, stop.is_set), options["health_port"])
        serve_duties(groups, stop, crew.start_threads)


def duty_groups(crew: ConsumerThreads) -> list[list[Duty]]:
    """Return what a sweeper does; those of a list take turns in one thread."""
    often = settings.REPRISE.sweep_seconds
    seldom = [Duty(name, work, HOUSE_SECONDS) for name, work in sweeper.SELDOM.items()]
    found = [
        [Duty("feed", feed.sequence_events, maintenance.TICK_SECONDS)],
        [Duty("schedules", schedules.fire_due, SCHEDULES_SECONDS)],
        [Duty(name, work, often) for name, work in sweeper.OFTEN.items()],
        [Duty("single-sign-on", recheck.check_due, SINGLE_SIGN_ON_SECONDS)],
        *([Duty(name, work, NOTICES_SECONDS)] for name, work in sweeper.NOTICES.items()),
        [Duty("consumers", crew.replace_silent, WATCH_SECONDS)],
        seldom,
    ]
    names = [duty.name for group in found for duty in group]
    names += ["duties", *([maintenance.SEALS] if settings.REPRISE.seal_hours else [])]
    seldom.append(Duty("duties", partial(maintenance.keep_only, names), HOUSE_SECONDS))
    return found
