"""What a version update needs to know about its servers: their control script, their releases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InvalidParams
from jobs.kinds.version_update.params import Params
from jobs.models import Target

SHOWN_VERSIONS = 8


@dataclass(frozen=True, slots=True)
class Server:
    """A target of this kind: `ctl` is the command line of its control script."""

    name: str
    transport: str
    ctl: tuple[str, ...]
    repository: str


def servers(names: Sequence[str]) -> dict[str, Server]:
    """Return the servers of these names that the inventory has and that can be updated."""
    found = Target.objects.filter(name__in=names)
    return {one.name: _server(one) for one in found if _can_be_updated(one)}


def check(params: Params) -> None:
    """Raise InvalidParams, with a pointer to each field, where these parameters cannot be met."""
    known = servers(params.servers)
    errors = [*_wrong_servers(params.servers, known), *_wrong_version(params.version, known)]
    if errors:
        raise InvalidParams(errors)


def versions() -> list[dict[str, str]]:
    """Return what there is to choose from now, as `x-options` of a form: value and label."""
    options = {}
    for repository in _repositories(Target.objects.all()):
        for release in releases(repository):
            label = " · ".join(filter(None, [release["version"], release.get("notes", "")]))
            options[release["version"]] = {"value": release["version"], "label": label}
    return list(options.values())


def releases(repository: str) -> list[dict[str, Any]]:
    """Return the releases in a repository's manifest, none where it cannot be read."""
    try:
        manifest = json.loads((Path(repository) / "manifest.json").read_text())
        return [entry for entry in manifest["releases"] if isinstance(entry["version"], str)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _wrong_servers(names: Sequence[str], known: dict[str, Server]) -> Iterable[dict[str, str]]:
    listed = set(Target.objects.filter(name__in=names).values_list("name", flat=True))
    seen: set[str] = set()
    for place, name in enumerate(names):
        detail = ""
        if name in seen:
            detail = f"{name} is listed twice."
        elif name not in listed:
            detail = f"There is no server {name}."
        elif name not in known:
            detail = f"{name} cannot be updated: it has no control script (variable ctl)."
        if detail:
            yield {"pointer": f"/servers/{place}", "detail": detail}
        seen.add(name)


def _wrong_version(version: str, known: dict[str, Server]) -> Iterable[dict[str, str]]:
    repositories = {one.repository for one in known.values()}
    if not repositories:  # no server to go by: at least say whether anybody has this version
        repositories = set(_repositories(Target.objects.all()))
    for repository in sorted(repositories):
        there = [release["version"] for release in releases(repository)]
        if version not in there:
            names = ", ".join(there[:SHOWN_VERSIONS]) or "no readable manifest"
            detail = f"There is no release {version}; the repository has {names}."
            yield {"pointer": "/version", "detail": detail}
            return


def _repositories(targets: Iterable[Target]) -> list[str]:
    found = (str(one.variables.get("repository") or "") for one in targets)
    return sorted({repository for repository in found if repository})


def _can_be_updated(target: Target) -> bool:
    ctl = target.variables.get("ctl")
    return isinstance(ctl, list) and bool(ctl) and all(isinstance(word, str) for word in ctl)


def _server(target: Target) -> Server:
    variables = target.variables
    return Server(
        name=target.name,
        transport=target.transport,
        ctl=tuple(variables["ctl"]),
        repository=str(variables.get("repository") or ""),
    )
