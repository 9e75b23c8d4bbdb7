"""What there is to choose from in a kind's parameters, as much of it as an answer takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.access import credentials
from jobs.access.visibility import Principal
from jobs.api.paging import json_bytes
from jobs.kinds.kind import AnyKind, Option
from jobs.models import Target
from jobs.secrets.field import CREDENTIALS

# A form offers so many credentials; another name can be sent all the same.
MAX_OFFERED = 1000
# What separates two options, and names a list that was cut.
_EXTRA_BYTES = 2


def offered_credentials(principal: Principal) -> list[str]:
    """Return the names of credentials that somebody may choose in place of a secret's value."""
    offered = credentials.offered_credentials(principal).order_by("name")
    return list(offered.values_list("name", flat=True)[:MAX_OFFERED])


def resolve_choices(kind: AnyKind, offered: Sequence[str]) -> Mapping[str, Sequence[Option]]:
    """Return what there is to choose from, by the name in `x-choices`.

    `targets` is the inventory unless the kind has choices of its own under that name; `offered` are
    the credentials.
    """
    names = Target.objects.order_by("name").values_list("name", flat=True)
    return {"targets": list(names), **kind.choices(), CREDENTIALS: offered}


@dataclass(frozen=True, slots=True)
class Shown:
    """Choices as an answer has them: by name, `cut` with the lengths of those that go on."""

    choices: Mapping[str, Sequence[Option]] = field(default_factory=dict)
    cut: Mapping[str, int] = field(default_factory=dict)
    used: int = 0


def fit_choices(
    kind: AnyKind, schema: Mapping[str, Any], offered: Sequence[str], room: int
) -> Shown:
    """Return the choices of a kind's schema, cut to `room` bytes in all of their places.

    Short lists come whole; those that are too long share what is left.
    """
    places = Counter(_chosen_names(schema))
    if not places:
        return Shown()
    there = resolve_choices(kind, offered).items()
    found = {name: list(one) for name, one in there if name in places}
    shown, used = dict[str, Sequence[Option]](), 0
    by_length = sorted(found, key=lambda name: len(found[name]))
    for left, name in zip(range(len(by_length), 0, -1), by_length, strict=True):
        share = (room - used) // left // places[name]
        shown[name], size = _fitting(found[name], share)
        used += size * places[name]
    cut = {name: len(part) for name, part in shown.items() if len(part) < len(found[name])}
    return Shown(shown, cut, used)


def is_found(option: Option, text: str) -> bool:
    """Return whether a text is part of what an option shows or stands for."""
    shown = option if isinstance(option, str) else " ".join(option.values())
    return text.casefold() in shown.casefold()


def _fitting(options: Sequence[Option], room: int) -> tuple[Sequence[Option], int]:
    """Return the first options that fit, and their bytes."""
    used = 0
    for count, option in enumerate(options):
        size = json_bytes(option) + _EXTRA_BYTES
        if used + size > room:
            return options[:count], used
        used += size
    return options, used


def _chosen_names(schema: Any) -> Iterator[str]:
    """Yield the name in each `x-choices`."""
    if isinstance(schema, Mapping):
        if isinstance(name := schema.get("x-choices"), str):
            yield name
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from _chosen_names(each)
