"""Checks of this host: Python, packages, the settings, what Django's own checks say, the pages."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path

from django.conf import settings
from django.core.checks import run_checks
from packaging.requirements import Requirement

from core.version import running_version
from jobs.doctor.check import Check, Doubt, Flaw

PYTHONS = (3, 11), (3, 14)
DISTRIBUTION = "reprise"
_REQUIRED = Path(__file__).resolve().parents[2] / "requirements" / "service.in"


def host_checks() -> list[Check]:
    """Return the checks of this host."""
    return [
        Check("python", check_python),
        Check("packages", check_packages),
        Check("settings", check_settings),
        Check("set up", check_set_up),
        Check("pages", check_pages),
    ]


def check_python() -> str:
    """Look at Python's version."""
    oldest, newest = PYTHONS
    said = f"Python {platform.python_version()}"
    if sys.version_info[:2] < oldest:
        raise Flaw(f"{said}: use {oldest[0]}.{oldest[1]} or later")
    if sys.version_info[:2] > newest:
        raise Doubt(f"{said}: newer than any that is supported ({newest[0]}.{newest[1]})")
    return said


def check_packages() -> str:
    """Look whether each package that the service needs is there, in a version that it takes."""
    wrong = list(filter(None, map(_problem_of, _requirements())))
    if wrong:
        raise Flaw(f"{'; '.join(wrong)}: install service.txt again")
    return f"Reprise {running_version()}, all that it requires is there"


def _requirements() -> list[Requirement]:
    """Return what the installed wheel declares, or the clone's list of the same."""
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        lines = [line.partition("#")[0].strip() for line in _REQUIRED.read_text().splitlines()]
    return [Requirement(line) for line in lines if line]


def _problem_of(wanted: Requirement) -> str:
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
        return ""
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return f"{wanted.name} is missing"
    fits = wanted.specifier.contains(version, prereleases=True)
    return "" if fits else f"{wanted.name} {version} is not {wanted.specifier}"


def check_settings() -> str:
    """Look at settings that suit a trial and not an installation."""
    config = settings.REPRISE
    if config.debug:
        raise Flaw("REPRISE_DEBUG is set: remove it, its pages show settings and code to anybody")
    if config.local == "trusted":
        raise Doubt("REPRISE_LOCAL=trusted: local commands can read all that the worker can")
    if "*" in config.allowed_hosts:
        raise Doubt("REPRISE_ALLOWED_HOSTS has *: name the hosts that people use")
    return f"state in {config.state}"


def check_set_up() -> str:
    """Run Django's checks, which are those of job kinds, approvals, engine and isolation too."""
    found = run_checks()
    serious = [one for one in found if one.is_serious()]
    if found:
        said = "; ".join(f"{one.msg} {one.hint or ''}" for one in serious or found)
        raise (Flaw if serious else Doubt)(said)
    return "job kinds, approvals, the queue's engine and the isolation of commands can be used"


def check_pages() -> str:
    """Look whether the front end is built."""
    manifest = Path(str(settings.DJANGO_VITE["default"]["manifest_path"]))
    if not manifest.is_file():
        raise Flaw("the front end is not built: run ops/install, or install the wheel")
    return "the front end is built"
