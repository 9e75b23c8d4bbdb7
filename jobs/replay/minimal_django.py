"""Django as runs and kinds need it, where no project has configured it: models, no database."""

from __future__ import annotations

import os

import django
from django.apps import AppConfig, apps
from django.conf import ENVIRONMENT_VARIABLE, settings

from core.config import Config


class ModelsConfig(AppConfig):
    """The app `jobs` without its signals and checks, which are the service's."""

    name = "jobs"


def ensure_django() -> None:
    """Set Django up, unless it is, or the environment names settings to do so with."""
    if apps.ready:
        return
    if not settings.configured and not os.environ.get(ENVIRONMENT_VARIABLE):
        settings.configure(
            REPRISE=Config.model_construct(),
            REPRISE_KINDS=(),
            INSTALLED_APPS=(
                "django.contrib.contenttypes",
                "django.contrib.auth",
                f"{__name__}.{ModelsConfig.__qualname__}",
            ),
            USE_TZ=True,
        )
    django.setup()
