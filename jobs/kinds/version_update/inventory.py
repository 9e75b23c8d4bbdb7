"""What a version update needs to know about its servers: their control script, their releases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import InvalidParams
from jobs.kinds.version_update.params import UpdateParams
from jobs.models import Target

SHOWN_VERSIONS = 8


def find_servers(names: Sequence[str]) -> dict[str, Target]:
    """Return the servers of these names that the inventory has and that can be updated."""
    return updatable_targets(Target.objects.filter(name__in=names))


def updatable_targets(targets: Iterable[Target]) -> dict[str, Target]:
    """Return those of the targets that have a control script (variable `ctl`), by name."""
    return {one.name: one for one in targets if _has_ctl(one)}


def check_params(params: UpdateParams) -> None:
    """Raise InvalidParams, with a pointer to each field, where these parameters cannot be met."""
    found = list(Target.objects.filter(name__in=params.servers))
    errors = [*_wrong_servers(params.servers, found), *_wrong_version(params.version, found)]
    if errors:
        raise InvalidParams(errors)


def find_choices() -> dict[str, list[str]]:
    """Return the targets that can be updated, and the versions that their repositories have."""
    can = updatable_targets(Target.objects.all())
    there = [release["version"] for one in _repository_urls(can) for release in read_releases(one)]
    return {"targets": list(can), "versions": list(dict.fromkeys(there))}


def read_releases(repository: str) -> list[dict[str, Any]]:
    """Return the releases in a repository's manifest, none where it cannot be read."""
    try:
        manifest = json.loads((Path(repository) / "manifest.json").read_text())
        return [entry for entry in manifest["releases"] if isinstance(entry["version"], str)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _wrong_servers(names: Sequence[str], found: Iterable[Target]) -> Iterator[dict[str, str]]:
    known, seen = {one.name: _has_ctl(one) for one in found}, set[str]()
    for place, name in enumerate(names):
        detail = ""
        if name not in known:
            detail = f"There is no server {name}."
        elif name in seen:
            detail = f"{name} is listed twice."
        elif not known[name]:
            detail = f"{name} cannot be updated: it has no control script (variable ctl)."
        if detail:
            yield {"pointer": f"/servers/{place}", "detail": detail}
        seen.add(name)


def _wrong_version(version: str, found: Iterable[Target]) -> Iterator[dict[str, str]]:
    # With no server to go by, at least say whether anybody has this version.
    can = updatable_targets(found) or updatable_targets(Target.objects.all())
    for repository in _repository_urls(can):
        there = [release["version"] for release in read_releases(repository)]
        if version not in there:
            names = ", ".join(there[:SHOWN_VERSIONS]) or "no manifest that can be read"
            detail = f"There is no release {version}; the repository has {names}."
            yield {"pointer": "/version", "detail": detail}
            return


def _repository_urls(can: Mapping[str, Target]) -> list[str]:
    return sorted({str(one.variables.get("repository") or "") for one in can.values()})


def _has_ctl(target: Target) -> bool:
    ctl = target.variables.get("ctl")
    return isinstance(ctl, list) and bool(ctl) and all(isinstance(word, str) for word in ctl)
