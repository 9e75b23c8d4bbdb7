"""Accounts for tests: two teams, every role, and a person without one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client

from core.sessions import hash_session_key
from jobs.access import tokens
from jobs.access.visibility import Principal, of_user
from jobs.models import Team
from jobs.system_log import unrecorded

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a token called `test`."""

    user: User
    raw: str

    @property
    def principal(self) -> Principal:
        """They, signed in by a session, as of now."""
        return of_user(User.objects.get(pk=self.user.pk))

    @property
    def headers(self) -> dict[str, str]:
        """The header that their token makes."""
        return {"Authorization": f"Bearer {self.raw}"}

    def client(self) -> Client:
        """A client that sends their token with every request."""
        return django_client(**self.headers)

    def browser(self) -> Client:
        """A client with their session, which must pass the CSRF check as a browser must."""
        made = django_client()
        with unrecorded():
            made.force_login(self.user)
        return made


def session_of(browser: Client) -> str:
    """Return what the database has a browser's session under."""
    key = browser.session.session_key
    assert key
    return hash_session_key(key)


@dataclass(frozen=True)
class People:
    """alice and bob are operators of team red, carol of team blue; vera views team red's jobs.

    audrey is an auditor, root is staff, nobody has no role.
    """

    red: Team
    blue: Team
    alice: Person
    bob: Person
    carol: Person
    vera: Person
    audrey: Person
    root: Person
    nobody: Person


STREAMS = ("application/x-ndjson", "application/octet-stream", "text/event-stream")


class AnswerClient(Client):
    """Django's client for answers that are whole.

    A stream starts the hub, whose tasks live as long as their event loop: a synchronous request
    has a loop of its own, and waits at its end for tasks that do not end.
    """

    def request(self, **environ: Any) -> Any:
        """Refuse what would start the hub; ask httpx over ASGI or a server in place of this."""
        accept = environ.get("HTTP_ACCEPT", "")
        assert not any(one in accept for one in STREAMS), f"{accept} needs an event loop that stays"
        return super().request(**environ)


def django_client(**headers: str) -> Client:
    """A client for this service that sends `headers` and hides no exception behind a traceback."""
    return AnswerClient(
        enforce_csrf_checks=True,
        raise_request_exception=False,
        headers={"Host": "localhost", **headers},
    )


def post(client: Client, path: str, body: object = None, **headers: str) -> Response:
    """Post a value as JSON; bytes go as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(path, raw, content_type="application/json", headers=headers)


@unrecorded()
def make_people() -> People:
    """Make the accounts in the database of this test, in as few statements as can be."""
    red, blue = Team.objects.bulk_create(
        [Team(name="Red", slug="red"), Team(name="Blue", slug="blue")]
    )
    wanted: dict[str, tuple[str, Team | None]] = {
        "alice": ("operator", red),
        "bob": ("operator", red),
        "carol": ("operator", blue),
        "vera": ("viewer", red),
        "audrey": ("auditor", None),
        "root": ("", None),
        "nobody": ("", None),
    }
    with transaction.atomic():
        users = User.objects.bulk_create(
            [
                User(username=name, is_staff=name == "root", password=make_password(None))
                for name in wanted
            ]
        )
        roles = dict(Group.objects.values_list("name", "pk"))
        in_group, in_team = User.groups.through, Team.members.through
        pairs = list(zip(users, wanted.values(), strict=True))
        in_group.objects.bulk_create(
            [in_group(user=user, group_id=roles[role]) for user, (role, _) in pairs if role]
        )
        in_team.objects.bulk_create(
            [in_team(user=user, team=team) for user, (_, team) in pairs if team]
        )
        people = {user.username: Person(user, tokens.make_token(user, "test")[1]) for user in users}
    return People(red=red, blue=blue, **people)


@unrecorded()
def make_person(name: str, role: str = "", team: Team | None = None) -> Person:
    """Make one more account with a role, a team and a token; without a password."""
    user = User.objects.create_user(name)
    if role:
        user.groups.add(Group.objects.get(name=role))
    if team is not None:
        team.members.add(user)
    return Person(user, tokens.make_token(user, "test")[1])
