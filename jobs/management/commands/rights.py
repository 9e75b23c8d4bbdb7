"""`manage.py rights list|grant|revoke|check`: what teams may see, run and approve."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from jobs.access import grants
from jobs.access.rights import are_granted
from jobs.kinds import registry
from jobs.management.base import ServiceCommand
from jobs.models import ALL, Right, Team

OPEN = "REPRISE_RIGHTS is open: roles alone decide, and these rights change nothing yet."


class Command(ServiceCommand):
    help = "List the rights of teams, give and take them, and explain what somebody may do."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the four subcommands."""
        commands = parser.add_subparsers(dest="what", required=True)
        listing = commands.add_parser("list", help="list the rights")
        listing.add_argument("--team", metavar="TEAM", help="of this team only: its slug or name")
        listing.add_argument("--json", action="store_true", help="one JSON array")
        for what, said in (("grant", "give a team a right"), ("revoke", "take it away again")):
            one = commands.add_parser(what, help=said)
            one.add_argument("team", help="the team's slug or name")
            one.add_argument("act", choices=grants.ACTS)
            one.add_argument("kind", help=f"a kind's name, or {ALL} for every kind")
            one.add_argument(
                "targets", help=f"a target's name, group:NAME, label:NAME=VALUE, or {ALL}"
            )
        check = commands.add_parser("check", help="say what somebody may do on a target, and why")
        check.add_argument("user")
        check.add_argument("kind")
        check.add_argument("target")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Run one subcommand."""
        match what:
            case "list":
                self._list_rights(options["team"], as_json=options["json"])
            case "check":
                self._check_user(options["user"], options["kind"], options["target"])
            case _:
                wanted = [options[name] for name in ("act", "kind", "targets")]
                self._change_right(what, _get_team(options["team"]), *wanted)

    def _list_rights(self, team: str | None, *, as_json: bool) -> None:
        found = Right.objects.select_related("team").order_by("team__name", "kind", "targets")
        if team is not None:
            found = found.filter(team=_get_team(team))
        if as_json:
            names = ("team__slug", "act", "kind", "targets")
            rows = [
                dict(zip(("team", *names[1:]), row, strict=True))
                for row in found.values_list(*names)
            ]
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
            return
        for right in found:
            self.stdout.write(f"{right.team.slug}\t{right.words}\t{_count_words(right)}")
        self._say_if_open()

    def _change_right(self, what: str, team: Team, act: str, kind: str, targets: str) -> None:
        if what == "revoke":
            grants.revoke_right(team, act, kind, targets)
            return
        right, new = grants.grant_right(team, act, kind, targets)
        said = "" if new else " It had it before."
        self.stdout.write(f"{right}: {_count_words(right)}.{said}")
        self._say_if_open()

    def _check_user(self, username: str, kind: str, target: str) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username}.")
        if registry.find_kind(kind) is None:
            raise CommandError(registry.unknown_kind(kind, _kind_names()).message)
        for verdict in grants.explain_rights(user, kind, target):
            answer = "yes" if verdict.allowed else "no"
            self.stdout.write(f"{verdict.act:<8} {answer:<3}  {verdict.why}")

    def _say_if_open(self) -> None:
        if not are_granted():
            self.stderr.write(OPEN)


def _get_team(text: str) -> Team:
    found = Team.objects.filter(Q(slug=text) | Q(name=text)).first()
    if found is None:
        raise CommandError(f"There is no team {text}.")
    return found


def _kind_names() -> list[str]:
    return [kind.name for kind in registry.all_kinds()]


def _count_words(right: Right) -> str:
    count = grants.count_targets(right)
    words = "1 target now" if count == 1 else f"{count:,} targets now"
    if right.kind != ALL and registry.find_kind(right.kind) is None:
        return f"{words}, but there is no such kind here"
    return words
