"""What a file would change in the inventory, and doing it: all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.models import Target
from jobs.system_log import record_together
from jobs.system_log.changes import record_added

FIELDS = ("group", "labels", "transport", "address", "variables")
# What they hold may be long, and no business of the one who reads a terminal.
UNSAID = {"labels", "variables"}


@dataclass(frozen=True, slots=True)
class Changes:
    """Targets to add, to change (with the fields' names) and to remove; `same` stay."""

    added: list[Target] = field(default_factory=list)
    changed: list[tuple[Target, Target, list[str]]] = field(default_factory=list)
    removed: list[Target] = field(default_factory=list)
    same: int = 0

    def lines(self) -> list[str]:
        """Return a line for each: `+ gs-001 (ssh)`, `~ gs-002 address: a → b`, `- gs-003`."""
        return [
            *(f"+ {target.name} ({target.transport})" for target in self.added),
            *(
                f"~ {old.name} {_describe_differences(old, new, names)}"
                for old, new, names in self.changed
            ),
            *(f"- {target.name}" for target in self.removed),
        ]

    def as_dict(self) -> dict[str, object]:
        """Return names: `{"added", "changed": {name: [fields]}, "removed", "same": count}`."""
        return {
            "added": [target.name for target in self.added],
            "changed": {old.name: names for old, _new, names in self.changed},
            "removed": [target.name for target in self.removed],
            "same": self.same,
        }


def compare_inventory(wanted: Sequence[Target], *, prune: bool) -> Changes:
    """Return what makes the inventory what is wanted; with `prune`, without any others."""
    there = {target.name: target for target in Target.objects.order_by("name")}
    added, changed, same = list[Target](), list[tuple[Target, Target, list[str]]](), 0
    for new in wanted:
        old = there.pop(new.name, None)
        if old is None:
            added.append(new)
        elif names := [name for name in FIELDS if getattr(old, name) != getattr(new, name)]:
            changed.append((old, new, names))
        else:
            same += 1
    return Changes(added, changed, list(there.values()) if prune else [], same)


def apply_changes(wanted: Sequence[Target], *, prune: bool) -> Changes:
    """Make the inventory what is wanted, in one transaction; return what that changed."""
    with record_together():
        list(Target.objects.select_for_update().order_by("name"))
        changes = compare_inventory(wanted, prune=prune)
        Target.objects.bulk_create(changes.added, batch_size=500)
        for new in changes.added:
            record_added(new)
        for old, new, names in changes.changed:
            for name in names:
                setattr(old, name, getattr(new, name))
            old.save(update_fields=names)
        Target.objects.filter(pk__in=[target.pk for target in changes.removed]).delete()
    return changes


def _describe_differences(old: Target, new: Target, names: Sequence[str]) -> str:
    said = [
        name if name in UNSAID else f"{name}: {getattr(old, name)} → {getattr(new, name)}"
        for name in names
    ]
    return ", ".join(said)
