"""The roles as Django groups: viewers and auditors read, operators steer, commanders run commands.

Custodians manage the credentials of their teams.

Managers, who have to be staff to reach the admin, add people and give them their roles.

Made after every migration, so that a new permission reaches the groups; what an administrator
added to a group stays.
"""

from __future__ import annotations

from typing import Any

from jobs.system_log import unrecorded

ROLES = {
    "viewer": ("view_job",),
    "operator": ("view_job", "submit_job", "steer_job"),
    "commander": ("view_job", "submit_job", "steer_job", "run_command"),
    "auditor": ("view_job", "view_all_jobs"),
    "custodian": ("view_job", "manage_credential"),
    "manager": ("view_user", "add_user", "change_user", "view_group"),
}
APPS = ("jobs", "auth")


@unrecorded()
def make_roles(using: str = "default", apps: Any = None, **_: Any) -> None:
    """Make the groups and give them their permissions (a `post_migrate` receiver).

    `apps` are the models as of the last migration that ran, which need not be the last one.
    """
    from django.apps import apps as newest
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group, Permission

    for app in APPS:
        config = newest.get_app_config(app)
        create_permissions(config, verbosity=0, using=using, apps=apps or newest)
    for name, codenames in ROLES.items():
        group, _created = Group.objects.using(using).get_or_create(name=name)
        permissions = Permission.objects.using(using).filter(
            content_type__app_label__in=APPS, codename__in=codenames
        )
        group.permissions.add(*permissions)
