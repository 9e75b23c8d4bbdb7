"""The base of the service's commands."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from jobs import checks


class ServiceCommand(BaseCommand):
    """A command that starts although a job kind is broken; `manage.py check` reports the kind.

    The other checks read every address and view, a third of the time that a start takes; these
    commands have no pages, and after a crash runs wait for a worker's successor.
    """

    requires_system_checks = (checks.ENGINE,)
