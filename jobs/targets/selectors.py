"""Which targets somebody means: names, `group:eu`, `label:role=web`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from django.db.models import Q

from core.errors import InvalidParams
from jobs.events.extensions import MOST_TARGETS
from jobs.models import Target

GROUP, LABEL = "group:", "label:"


def is_selector(text: str) -> bool:
    """Return whether a text stands for targets rather than naming one."""
    return text.startswith((GROUP, LABEL))


def expand_names(wanted: Sequence[str], pointer: str) -> list[str]:
    """Return the names that are meant, in order; the targets of a selector by name.

    What a selector stands for comes once. A name stays as it is, known or not, twice or not.
    InvalidParams, pointing at `<pointer>/<place>`, for a selector that no target fits, and at
    `pointer` for more targets than a job may have.
    """
    found: dict[int, list[str]] = {}
    errors: list[dict[str, str]] = []
    for place, text in enumerate(wanted):
        if not is_selector(text):
            continue
        found[place] = _selector_names(text)
        if not found[place]:
            errors.append({"pointer": f"{pointer}/{place}", "detail": _nothing_found(text)})
    if errors:
        raise InvalidParams(errors)
    names, listed, chosen = list[str](), set[str](), set[str]()
    for place, text in enumerate(wanted):
        if place in found:
            fresh = [name for name in found[place] if name not in listed]
            chosen.update(fresh)
        else:
            fresh = [text] if text not in chosen else []
        names += fresh
        listed.update(fresh)
    if len(names) > MOST_TARGETS:
        detail = f"These are {len(names):,} targets; a job has at most {MOST_TARGETS:,}."
        raise InvalidParams([{"pointer": pointer, "detail": detail}])
    return names


def select_targets(wanted: Sequence[str], pointer: str = "/targets") -> list[Target]:
    """Return the targets that are meant, in order, each once.

    InvalidParams, pointing at `<pointer>/<place>`, for a name or selector that stands for none.
    """
    names = list(dict.fromkeys(expand_names(wanted, pointer)))
    known = {target.name: target for target in Target.objects.filter(name__in=names)}
    errors = [
        {"pointer": f"{pointer}/{place}", "detail": f"There is no target {text}."}
        for place, text in enumerate(wanted)
        if not is_selector(text) and text not in known
    ]
    if errors:
        raise InvalidParams(errors)
    return [known[name] for name in names]


def common_selectors(least: int = 1) -> list[str]:
    """Return the selectors that stand for at least so many: the groups, then the labels."""
    groups, labels = Counter[str](), Counter[str]()
    for group, own in Target.objects.values_list("group", "labels"):
        groups.update([group] if group else [])
        labels.update(f"{name}={value}" for name, value in own.items())
    found = ((GROUP, groups), (LABEL, labels))
    return [
        kind + text for kind, counted in found for text in sorted(counted) if counted[text] >= least
    ]


def matching_query(texts: Iterable[str]) -> Q:
    """Return the condition on targets that names and selectors stand for; none: no target."""
    chosen = list(texts)
    names = [text for text in chosen if not is_selector(text)]
    groups = [text.removeprefix(GROUP) for text in chosen if text.startswith(GROUP)]
    found = Q(name__in=names) | Q(group__in=groups)
    for text in chosen:
        if text.startswith(LABEL):
            name, given, value = text.removeprefix(LABEL).partition("=")
            found |= Q(labels__contains={name: value}) if given else Q(labels__has_key=name)
    return found


def _selector_names(selector: str) -> list[str]:
    fits = Target.objects.chosen().filter(matching_query([selector]))
    return list(fits.order_by("name").values_list("name", flat=True))


def _nothing_found(selector: str) -> str:
    if selector in {GROUP, LABEL}:
        return f"{selector!r} names nothing: write {GROUP}<name>, {LABEL}<name>=<value>."
    return f"No target fits {selector}."
