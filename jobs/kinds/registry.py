"""The known job kinds: found once in a process, checked, and asked for by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial, wraps
from importlib.metadata import entry_points
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from core.deprecation import renamed_name
from core.errors import InvalidParams
from core.terminal import hidden_words
from core.user_code import KindFault, contained, describe
from jobs.kinds import kind as kinds
from jobs.kinds.code_version import version_of
from jobs.system_log.stream import KIND as SYSTEM

logger = logging.getLogger(__name__)

BUILTIN = (
    "jobs.kinds.version_update.kind.VersionUpdate",
    "jobs.kinds.command.kind.Command",
    "jobs.kinds.load.kind.Load",
)
GROUP = "reprise.kinds"
MAX_NAME = 100  # as `Job.kind` keeps it

# What the service asks of a kind, in its own processes: an exit there must not end these.
ASKED = (
    "choices", "check", "credentials_for", "parse", "plan", "read", "read_own", "retry_params",
    "settle", "targets", "title_for", "total",
)  # fmt: skip
# What a kind says of itself, and what that must be.
SAID: Mapping[str, tuple[type, ...]] = {
    "name": (str,), "title": (str,), "description": (str,), "permission": (str,), "version": (str,),
    "staff_only": (bool,), "exclusive": (bool,), "max_running": (int, type(None)),
    "max_attempts": (int,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Broken:
    """A kind that is named somewhere and cannot be used; `id` is that of the system check."""

    source: str
    reason: str
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """The kinds by name, and what is none."""

    kinds: dict[str, kinds.AnyKind] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)


def _kind_sources() -> Iterator[tuple[str, Callable[[], object]]]:
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


@cache
def _find_kinds() -> Found:
    found, origins = Found(), dict[str, str]()
    for source, load in _kind_sources():
        try:
            with contained():
                kind = _make_kind(load())
        except Exception as error:  # noqa: BLE001 - somebody else's module may raise whatever it likes
            words = error.words if isinstance(error, KindFault) else describe(error)
            wrong = Broken(source, str(words), "jobs.E001")
        else:
            if kind.name not in found.kinds:
                found.kinds[kind.name], origins[kind.name] = kind, source
                continue
            reason = f"its name {kind.name!r} is taken by {origins[kind.name]}"
            wrong = Broken(source, reason, "jobs.E002")
        logger.error("job kind %s left out: %s", wrong.source, wrong.reason)
        found.broken.append(wrong)
    return found


def _make_kind(loaded: object) -> kinds.AnyKind:
    """Return a kind of a class; TypeError, ValueError if it is not one."""
    if not (isinstance(loaded, type) and issubclass(loaded, kinds.Kind)):
        raise TypeError(f"{loaded!r} is not a subclass of jobs.kinds.Kind")
    for attribute in ("name", "title", "Params"):
        if not getattr(loaded, attribute, None):
            raise ValueError(f"it has no {attribute}")
    for attribute, types in SAID.items():
        if not isinstance(value := getattr(loaded, attribute), types):
            raise TypeError(f"its {attribute} is a {type(value).__name__}")
    for attribute in ("name", "title", "description"):
        if words := hidden_words(getattr(loaded, attribute), kept="\t\n"):
            raise ValueError(f"its {attribute} does not fit: {words}")
    if loaded.name == SYSTEM:
        raise ValueError(f"its name {SYSTEM!r} is that of the system's own log")
    if len(loaded.name) > MAX_NAME:
        raise ValueError(f"its name has more than {MAX_NAME} characters")
    kind = loaded()
    for name in ASKED:
        setattr(kind, name, _guard_method(getattr(kind, name)))
    return kind


def _guard_method(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a kind's method that raises no exit and no cancellation: a KindFault instead."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        with contained():
            return method(*args, **kwargs)

    return call


def forget_kinds() -> None:
    """Look for the kinds anew when somebody next asks: what is imported has changed."""
    _find_kinds.cache_clear()


def all_kinds() -> list[kinds.AnyKind]:
    """Return every kind that can be used: built-in ones, then entry points, then the setting's."""
    return list(_find_kinds().kinds.values())


def broken_kinds() -> list[Broken]:
    """Return what is named somewhere as a kind and cannot be used; it is left out everywhere."""
    return _find_kinds().broken


def find_kind(name: str) -> kinds.AnyKind | None:
    """Return the kind of this name; None if there is none (any more)."""
    return _find_kinds().kinds.get(name)


def get_kind(name: str) -> kinds.AnyKind:
    """Return the kind of this name; InvalidParams, pointing at `/kind`, if there is none."""
    try:
        return _find_kinds().kinds[name]
    except KeyError:
        raise unknown_kind(name, _find_kinds().kinds) from None


def kind_versions() -> dict[str, str]:
    """Return the kinds that can be used, each with the version of its code."""
    return {name: version_of(kind) for name, kind in _find_kinds().kinds.items()}


def unknown_kind(name: str, known: Collection[str]) -> InvalidParams:
    """Return the error for a kind that there is not, which names those that there are."""
    detail = f"There is no job kind {name!r}. Known: {', '.join(sorted(known))}."
    return InvalidParams([{"pointer": "/kind", "detail": detail}], detail)


def __getattr__(name: str) -> Any:
    moved = {name: f"jobs.kinds.{name}" for name in ("Group", "Kind", "Plan")}
    return renamed_name(__name__, name, moved)
