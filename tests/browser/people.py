"""Who signs in: the demo's operator, and others whom the copy's administrator makes."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.acceptance.up import CALL_SECONDS, Up

DEMO = "demo"
SECOND = "otto"  # an operator of the same team
VIEWER = "vera"  # reads her team's jobs
NEWCOMER = "nina"  # an operator in no team, who has not started anything

_MAKE = """
import json
from django.contrib.auth.models import Group, User
from jobs.models import Team
for name, (password, role, team) in json.loads({people!r}).items():
    user = User.objects.create_user(name, password=password)
    user.groups.add(Group.objects.get(name=role))
    if team:
        Team.objects.get(slug=team).members.add(user)
"""


@dataclass
class People:
    """The people of one copy: their passwords, and the cookies of whoever has signed in."""

    up: Up
    passwords: dict[str, str]
    _cookies: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, up: Up) -> People:
        """Make the people beside the demo's operator."""
        passwords = {name: secrets.token_urlsafe(9) for name in (SECOND, VIEWER, NEWCOMER)}
        rows = {
            SECOND: (passwords[SECOND], "operator", "game-operations"),
            VIEWER: (passwords[VIEWER], "viewer", "game-operations"),
            NEWCOMER: (passwords[NEWCOMER], "operator", None),
        }
        up.manage("shell", "-v", "0", "-c", _MAKE.format(people=json.dumps(rows)))
        return cls(up, {DEMO: up.ready["password"], **passwords})

    def cookies(self, name: str) -> list[Any]:
        """Return a browser's cookies for somebody who has signed in by the form."""
        if name not in self._cookies:
            self._cookies[name] = self._signed_in(name)
        return self._cookies[name]

    def _signed_in(self, name: str) -> list[Any]:
        url = self.up.url
        with httpx.Client(base_url=url, timeout=CALL_SECONDS, trust_env=False) as client:
            client.get("/sign-in").raise_for_status()
            form = {
                "username": name,
                "password": self.passwords[name],
                "csrfmiddlewaretoken": client.cookies["reprise_csrf"],
            }
            answer = client.post("/sign-in", data=form, headers={"Origin": url})
            assert answer.status_code == 302, f"{name} was not let in: {answer.status_code}"
            jar = client.cookies.jar
            return [{"name": one.name, "value": one.value, "url": url} for one in jar]
