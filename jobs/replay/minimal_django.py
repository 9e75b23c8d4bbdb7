"""Django as runs and kinds need it, where no project has configured it: models, no database."""

from __future__ import annotations

import os

import django
from django.apps import AppConfig, apps
from django.conf import ENVIRONMENT_VARIABLE, settings
from django.core.exceptions import ImproperlyConfigured
from django.test.utils import override_settings

from core.config import Config


class ModelsConfig(AppConfig):
    """The app `jobs` without its signals and checks, which are the service's."""

    name = "jobs"


_APPS = ("django.contrib.contenttypes", "django.contrib.auth")
_MODELS = f"{__name__}.{ModelsConfig.__qualname__}"


def ensure_django() -> None:
    """Set Django up with the models of `jobs`, whatever has been configured.

    Settings that the environment names are taken; what they lack is added: they may be those of
    another project, which tests its kinds.
    """
    if not settings.configured and not os.environ.get(ENVIRONMENT_VARIABLE):
        settings.configure(USE_TZ=True)
    if not apps.ready:
        django.setup()
    if apps.is_installed("jobs"):
        return
    kinds = getattr(settings, "REPRISE_KINDS", ())
    override_settings(REPRISE=Config.model_construct(), REPRISE_KINDS=kinds).enable()
    for entry in (*_APPS, _MODELS):
        _add_app(AppConfig.create(entry))


def _add_app(config: AppConfig) -> None:
    """Add an app with its models to those that are there already.

    Django can only install all apps anew, which would have each of them do again what it does when
    it is ready, and the admin look for forms of `jobs`.
    """
    there = apps.app_configs.get(config.label)
    if there is not None and there.name == config.name:
        return
    if there is not None:
        said = f"The app {there.name} has the label {config.label}, which {config.name} needs."
        raise ImproperlyConfigured(f"{said} Test kinds without its settings.")
    config.apps = apps
    apps.app_configs[config.label] = config
    config.import_models()
    apps.clear_cache()
