"""The migrations say what the models say.

Like `makemigrations --check`, but without a database, whose history that command wants to see.
"""

from __future__ import annotations

import os
import sys

import django


def missing() -> list[str]:
    """Return what a new migration would do, one line for each operation of our own apps."""
    from django.apps import apps
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.state import ProjectState

    loader = MigrationLoader(None)
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    ours = {config.label for config in apps.get_app_configs() if _is_ours(config.path)}
    changes = detector.changes(loader.graph, trim_to_apps=ours)
    return [
        f"{label}: {operation.describe()}"
        for label in sorted(ours & changes.keys())
        for migration in changes[label]
        for operation in migration.operations
    ]


def _is_ours(path: str) -> bool:
    from django.conf import settings

    return path.startswith(f"{settings.ROOT}{os.sep}") and "site-packages" not in path


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    django.setup()
    found = missing()
    for line in found:
        print(line)
    sys.exit(1 if found else 0)
