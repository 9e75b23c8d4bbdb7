"""`manage.py credential add|list|rotate|remove`: credentials, whose values come from stdin."""

from __future__ import annotations

import getpass
import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from core.errors import InvalidParams
from jobs.management.base import ServiceCommand
from jobs.models import Credential, Team
from jobs.secrets import credentials
from jobs.secrets.credentials import check_name


class Command(ServiceCommand):
    help = "Make, list, replace and remove credentials. A value comes from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        subcommands = parser.add_subparsers(dest="what", required=True)
        adding = subcommands.add_parser("add", help="make a credential, its value from stdin")
        adding.add_argument("name")
        kinds = [name for name, _ in Credential._meta.get_field("type").choices or ()]
        adding.add_argument("--type", choices=kinds, required=True)
        adding.add_argument("--team", metavar="SLUG", help="its owner; without: staff's alone")
        adding.add_argument(
            "--user", metavar="SLUG", action="append", default=[], help="a team that uses it, too"
        )
        adding.add_argument("--description", default="")
        listing = subcommands.add_parser("list", help="list credentials by name, without values")
        listing.add_argument("--json", action="store_true", help="one JSON array")
        rotating = subcommands.add_parser("rotate", help="replace a value by the one from stdin")
        rotating.add_argument("name")
        for one in (adding, rotating):
            one.add_argument("--store", default="", help="take the value from this store instead")
            one.add_argument("--reference", default="", help="where it is there: path#field")
        removing = subcommands.add_parser("remove", help="remove a credential")
        removing.add_argument("name")

    def handle(self, *_: Any, what: str, **options: Any) -> None:
        """Run one subcommand."""
        try:
            match what:
                case "add":
                    self._add(**options)
                case "list":
                    self._list(options["json"])
                case "rotate":
                    one = _get_credential(options["name"])
                    _set_value(one, options["store"], options["reference"])
                    one.save(update_fields=credentials.VALUE_FIELDS)
                    self.stdout.write(f"{one.name} has a new value.")
                case "remove":
                    _get_credential(options["name"]).delete()
                    self.stdout.write("Removed.")
        except InvalidParams as error:
            raise CommandError(" ".join(one["detail"] for one in error.errors)) from None

    def _add(self, name: str, type: str, team: str | None, user: list[str], **rest: Any) -> None:
        check_name(name)
        if Credential.objects.filter(name=name).exists():
            raise CommandError(f"There is a credential {name} already: rotate replaces its value.")
        owner = _get_team(team) if team else None
        users = [_get_team(slug) for slug in user]
        made = Credential(name=name, type=type, team=owner, description=rest["description"])
        _set_value(made, rest["store"], rest["reference"])
        with transaction.atomic():
            made.save(force_insert=True)
            made.users.set(users)
        self.stdout.write(f"{name} added.")

    def _list(self, as_json: bool) -> None:
        rows: list[dict[str, Any]] = [
            {
                "name": one.name,
                "type": one.type,
                "team": one.team.slug if one.team else None,
                "users": [team.slug for team in one.users.all()],
                "store": one.store,
                "changed_at": one.changed_at,
                "last_used_at": one.last_used_at,
            }
            for one in Credential.objects.select_related("team").prefetch_related("users")
        ]
        if as_json:
            self.stdout.write(json.dumps(rows, default=str))
            return
        for row in rows:
            whose = ", ".join(filter(None, [row["team"] or "staff", *row["users"]]))
            place = f"\tin {row['store']}" if row["store"] else ""
            self.stdout.write(f"{row['name']}\t{row['type']}\t{whose}{place}")


def _set_value(one: Credential, store: str, reference: str) -> None:
    if store:
        credentials.set_reference(one, store, reference)
    elif sys.stdin.isatty():
        credentials.set_value(one, getpass.getpass("Value (not shown; a key: use <file): "))
    else:
        raw = sys.stdin.buffer.read().decode("utf-8", "replace")
        value = raw if one.type == Credential.SSH_KEY else raw.removesuffix("\n")
        credentials.set_value(one, value)


def _get_credential(name: str) -> Credential:
    found = Credential.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no credential {name}.")
    return found


def _get_team(slug: str) -> Team:
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no team {slug}.")
    return found
