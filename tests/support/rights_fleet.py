"""A small fleet of two teams, for tests of rights: eu is red's, us is blue's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobs import commands
from jobs.access import grants
from jobs.models import Job, Target
from tests.support.people import People, Person, post
from tests.support.rights_world import granted


@contextmanager
def granted_fleet(people: People) -> Iterator[None]:
    """Red runs commands in eu and visits everywhere, blue runs commands in us; both see a third."""
    for name, group in (("eu-1", "eu"), ("eu-2", "eu"), ("us-1", "us"), ("ap-1", "ap")):
        Target.objects.create(name=name, group=group, labels={"role": "game"})
    for team, region in ((people.red, "eu"), (people.blue, "us")):
        grants.grant_right(team, "run", "command", f"group:{region}")
        grants.grant_right(team, "see", "command", "group:ap")
    grants.grant_right(people.red, "run", "test-visit", "*")
    with granted():
        yield


def command_on(*targets: str) -> dict[str, Any]:
    """Return the wish for a command on targets."""
    return {"kind": "command", "params": {"targets": [*targets], "command": "true"}}


def submit_command(person: Person, *targets: str, **headers: str) -> Any:
    """Submit it; return the answer."""
    return post(person.client(), "/api/jobs", command_on(*targets), **headers)


def visit(person: Person, *places: str) -> Job:
    """Submit a visit; return the job."""
    return commands.submit(person.principal, "test-visit", {"places": [*places]})[0]
