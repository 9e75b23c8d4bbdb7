from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class AdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "jobs.admin_site.Site"


class JobsConfig(AppConfig):
    name = "jobs"
    default = True
    verbose_name = "Jobs"

    def ready(self) -> None:
        from core.db import leave_read_only
        from jobs import checks  # noqa: F401 - checks registers itself
        from jobs.access import hints, second_factor, sessions
        from jobs.access.roles import make_roles
        from jobs.system_log import changes, sign_ins

        connection_created.connect(leave_read_only)
        post_migrate.connect(make_roles, sender=self)
        hints.connect_signals()
        sessions.connect_signals()
        second_factor.connect_signals()
        changes.connect_signals()
        sign_ins.connect_signals()
