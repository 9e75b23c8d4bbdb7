"""What tests of credentials in runs share: who has one, and jobs that ask for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group

from jobs import commands
from jobs.access.visibility import Principal
from jobs.models import Target
from tests.integration.credential_kinds import Asks
from tests.integration.updates import Told
from tests.support.credentials import make_credential
from tests.support.people import People

VALUE = "t0ken 'of' $the team\\"
TYPED = "typed for this run"


def make_commander(people: People) -> Principal:
    """Make all three commanders and the credential `web-token` of red; return one of red."""
    for one in (people.alice, people.bob, people.carol):
        one.user.groups.add(Group.objects.get(name="commander"))
    Target.objects.create(name="box")
    make_credential("web-token", VALUE, people.red)
    return people.alice.principal


def submit(who: Principal, line: str | list[str], target: str = "box", **how: Any) -> UUID:
    """Submit a command; return its job."""
    params = {"targets": [target], "command": line, **how}
    return commands.submit(who, "command", params)[0].pk


def ask(who: Principal, kind: str = Asks.name, **params: Any) -> UUID:
    """Submit a job of a kind that asks for credentials; return it."""
    return commands.submit(who, kind, params)[0].pk


def message(told: Told) -> str:
    """Return the sentence that a job ended with."""
    return str(told.ending.data["message"])
