"""Makes users beside the demo's operator, with the project's own commands."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.acceptance.up import Up

# One start of Django for all of them.
MAKE = """
import json
from django.contrib.auth.models import Group, User
from jobs.access import tokens
from jobs.models import Team
home = Team.objects.get(slug="game-operations")
away, _ = Team.objects.get_or_create(slug="away", name="Away")
made = {}
people = [("olga", "operator", home), ("vera", "viewer", home), ("otto", "operator", away)]
for name, role, team in people:
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=role))
    team.members.add(user)
    made[name] = tokens.make_token(user, "test")[1]
print(json.dumps(made))
"""


@dataclass(frozen=True)
class People:
    """Tokens: olga and vera are operator and viewer of the demo's team, otto operates elsewhere."""

    olga: str
    vera: str
    otto: str


def make(up: Up) -> People:
    """Make them in a copy, once."""
    printed = up.manage("shell", "-c", MAKE).splitlines()[-1]
    return People(**json.loads(printed))
