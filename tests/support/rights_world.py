"""Random teams, people, targets and rights, and a model of sets that says who may do what.

The model shares no code with the service: it knows rights as rows and targets as dictionaries.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.test import override_settings

from jobs.models import Right, Target, Team
from jobs.system_log import unrecorded
from tests.support.people import Person, make_person

KINDS = ("command", "test-say", "test-visit")
ACTS = ("see", "run", "approve")
TARGETS: dict[str, dict[str, Any]] = {
    "eu-1": {"group": "eu", "labels": {"role": "web", "7": "rack"}},
    "eu-2": {"group": "eu", "labels": {"role": "db"}},
    "us-1": {"group": "us", "labels": {"role": "web"}},
    "us-2": {"group": "us", "labels": {}},
    "lone": {"group": "", "labels": {"role": "a=b"}},
}
SELECTORS = (
    "*", *TARGETS, "group:eu", "group:us", "label:role=web", "label:role=a=b", "label:role",
    "label:7=rack", "nowhere", "group:none",
)  # fmt: skip
NAMES = (*TARGETS, "nowhere")


@contextmanager
def granted() -> Iterator[None]:
    """Ask for rights meanwhile."""
    with override_settings(REPRISE=settings.REPRISE.with_changes(rights="granted")):
        yield


def reaches(selector: str, name: str) -> bool:
    """Return whether a selector stands for the target of this name."""
    if selector in ("*", name):
        return True
    target = TARGETS.get(name)
    if target is None:
        return False
    sort, _, text = selector.partition(":")
    if sort == "group":
        return bool(text) and target["group"] == text
    if sort == "label":
        label, given, value = text.partition("=")
        own = target["labels"]
        return label in own and (not given or own[label] == value)
    return False


@dataclass
class World:
    """What there is: people with the names of their teams, and rights as rows of words."""

    teams: dict[str, Team] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    rights: set[tuple[str, str, str, str]] = field(default_factory=set)  # team, act, kind, targets

    def staff(self, who: str) -> bool:
        return who == "root"

    def team_may(self, team: str, act: str, kind: str, name: str | None = None) -> bool:
        """Return whether a team may do an act to a kind: on a target, on any if there is none."""
        return any(
            of == team
            and (given == act or act == "see")
            and its_kind in ("*", kind)
            and (name is None or reaches(selector, name))
            for of, given, its_kind, selector in self.rights
        )

    def may(self, who: str, act: str, kind: str, name: str | None = None) -> bool:
        """Return whether one of somebody's teams may."""
        own = self.members[who]
        return self.staff(who) or any(self.team_may(team, act, kind, name) for team in own)

    def team_for(self, who: str, kind: str, names: Sequence[str]) -> str | None:
        """Return the first of somebody's teams, by name, that may run a kind on all of these."""
        fitting = (
            team
            for team in sorted(self.members[who])
            if self.team_may(team, "run", kind)
            and all(self.team_may(team, "run", kind, name) for name in names)
        )
        return next(fitting, None)

    def submit(self, who: str, kind: str, names: Sequence[str]) -> int:
        """Return the status with which a submission is answered."""
        unknown = 422 if kind == "command" and not set(names) <= set(TARGETS) else 201
        if self.staff(who):
            return unknown
        if not self.may(who, "see", kind):
            return 422
        if not self.may(who, "run", kind):
            return 403
        if unknown == 422 or not all(self.may(who, "see", kind, name) for name in names):
            return 422
        return 201 if self.team_for(who, kind, names) else 403

    def expand(self, who: str, kind: str, selector: str) -> list[str]:
        """Return what a group or a label stands for in somebody's request."""
        return [
            name
            for name in sorted(TARGETS)
            if reaches(selector, name) and self.may(who, "run", kind, name)
        ]

    def steer(self, who: str, team: str, kind: str, owner: str) -> int:
        """Return the status with which an act on a job of a team is answered."""
        if self.staff(who):
            return 202
        if team not in self.members[who]:
            return 403 if who == owner else 404
        return 202 if self.team_may(team, "run", kind) else 403

    def answer(self, who: str, team: str, kind: str, owner: str, names: Sequence[str]) -> int:
        """Return the status with which an approval is answered."""
        status = self.steer(who, team, kind, owner)
        if status != 202 or self.staff(who):
            return status
        fits = self.may(who, "approve", kind)
        fits = fits and all(self.may(who, "approve", kind, name) for name in names)
        return 202 if fits else 403


@unrecorded()
def make_world(seed: int) -> World:
    """Make a world by chance: three teams, people in none to two of them, a dozen rights."""
    chance, world = random.Random(seed), World()
    Target.objects.bulk_create(Target(name=name, **values) for name, values in TARGETS.items())
    for name in ("amber", "blue", "coral"):
        world.teams[name] = Team.objects.create(name=name, slug=name)
    for who in ("ann", "ben", "cleo", "dan", "root"):
        person = world.people[who] = make_person(who, "commander")
        world.members[who] = sorted(chance.sample(sorted(world.teams), chance.randint(0, 2)))
        for team in world.members[who]:
            world.teams[team].members.add(person.user)
    root = world.people["root"].user
    root.is_staff = True
    root.save()
    assert Group.objects.filter(name="commander").exists()
    give_rights(world, chance)
    return world


@unrecorded()
def give_rights(world: World, chance: random.Random) -> None:
    """Give the teams other rights than before."""
    Right.objects.all().delete()
    world.rights = {
        (
            chance.choice(sorted(world.teams)),
            chance.choice(("see", "run", "run", "run", "approve", "approve")),
            chance.choice(("*", *KINDS)),
            chance.choice(SELECTORS),
        )
        for _ in range(14)
    }
    for team, act, kind, targets in sorted(world.rights):
        Right.objects.create(team=world.teams[team], act=act, kind=kind, targets=targets)
