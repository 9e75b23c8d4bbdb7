"""`manage.py demo`: a team, an operator and the targets to try Reprise with."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from core.errors import NotSignedIn
from core.files import whole_file
from jobs.access import tokens
from jobs.management.base import ServiceCommand
from jobs.models import Target, Team

USERNAME = "demo"
TEAM = "Game operations"
ROLES = ("operator", "manager")


class Command(ServiceCommand):
    help = (
        "Make the demo's team, operator (staff), token and targets; harmless when they are there. "
        "The password and the token stay what the credentials file says."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the two files."""
        parser.add_argument(
            "--credentials", type=Path, required=True, help="JSON to keep, readable by its owner"
        )
        parser.add_argument("--fleet", type=Path, help="the demo fleet's fleet.json")

    def handle(self, *args: Any, credentials: Path, fleet: Path | None, **options: Any) -> None:
        """Make what is missing, and write the credentials down when they are new."""
        kept = _read_json(credentials)
        # Hashing takes a while, and on a busy machine longer than a transaction may be idle.
        hashed = _password_hash(kept.setdefault("password", secrets.token_urlsafe(9)))
        with transaction.atomic():
            user = _make_operator(hashed)
            kept["username"] = user.get_username()
            kept["token"] = _demo_token(user, kept.get("token", ""))
            for server in _read_json(fleet).get("servers", []) if fleet else []:
                _save_target(server)
            _write_json(credentials, kept)


def _password_hash(password: str) -> str:
    """Return the hash that the operator has, where it is this password's, or else a new one."""
    user = User.objects.filter(username=USERNAME).first()
    return user.password if user and user.check_password(password) else make_password(password)


def _make_operator(hashed: str) -> User:
    user, _made = User.objects.get_or_create(username=USERNAME)
    user.password = hashed
    user.is_staff = user.is_active = True
    user.save()
    user.groups.add(*Group.objects.filter(name__in=ROLES))
    team, _made = Team.objects.get_or_create(slug="game-operations", defaults={"name": TEAM})
    team.members.add(user)
    return user


def _demo_token(user: User, raw: str) -> str:
    """Return the token kept if it still lets this user in, else a new one."""
    try:
        if tokens.verify_token(raw).user == user:
            return raw
    except NotSignedIn:
        pass
    # a token's name is never used twice, so a second one needs another
    _row, raw = tokens.make_token(user, f"demo-{secrets.token_hex(2)}")
    return raw


def _save_target(server: dict[str, Any]) -> None:
    Target.objects.update_or_create(
        name=server["name"],
        defaults={
            "group": server.get("group", ""),
            "labels": server.get("labels", {}),
            "transport": "local",
            "address": server["url"],
            "variables": server.get("variables", {}),
        },
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CommandError(f"Cannot read {path}: {error}") from error
    return value if isinstance(value, dict) else {}


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with whole_file(path) as file:
        file.write(json.dumps(value, indent=2).encode())
