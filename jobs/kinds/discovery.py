"""Where job kinds come from: built in, installed packages' entry points, a setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import entry_points

from django.conf import settings
from django.utils.module_loading import import_string

BUILTIN = (
    "jobs.kinds.version_update.kind.VersionUpdate",
    "jobs.kinds.command.kind.Command",
    "jobs.kinds.load.kind.Load",
)
GROUP = "reprise.kinds"

Source = tuple[str, Callable[[], object]]


def kind_sources() -> Iterator[Source]:
    """Yield what people call a source, and how to load the class that it names.

    The built-in ones first, then those of the entry points `reprise.kinds`, by name, then those
    that REPRISE_KINDS names.
    """
    for path in BUILTIN:
        yield path, partial(import_string, path)
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        package = point.dist.name if point.dist else "a package"
        yield f"{point.value} (entry point {point.name} of {package})", point.load
    for path in getattr(settings, "REPRISE_KINDS", ()):
        yield f"{path} (REPRISE_KINDS)", partial(import_string, path)
