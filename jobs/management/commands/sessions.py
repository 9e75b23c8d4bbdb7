"""`manage.py sessions list|end`: where somebody is signed in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from core.terminal import reveal
from jobs.access import sessions
from jobs.log.hints import hint_publisher
from jobs.management.base import ServiceCommand
from jobs.management.commands.token import NEWS_SECONDS, get_user


class Command(ServiceCommand):
    help = "List and end the sessions of somebody who signed in with a browser."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the two subcommands."""
        commands = parser.add_subparsers(dest="what", required=True)
        listing = commands.add_parser("list", help="list sessions, the last used first")
        listing.add_argument("user")
        end = commands.add_parser("end", help="end a session, or all, at once")
        end.add_argument("user")
        end.add_argument("id", nargs="?", help="of that session only, as the list has it")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Run one subcommand."""
        user = get_user(options["user"])
        if what == "list":
            self._list_sessions(user)
        else:
            self._end_sessions(user, options["id"])

    def _list_sessions(self, user: User) -> None:
        for one in sessions.sessions_of(user):
            began, used = f"{one.made_at:%Y-%m-%d %H:%M}", f"{one.seen_at:%Y-%m-%d %H:%M}"
            columns = (one.short_id, f"since {began}", f"last used {used}", one.address, one.agent)
            self.stdout.write("\t".join(map(reveal, columns)))

    def _end_sessions(self, user: User, short_id: str | None) -> None:
        found = sessions.sessions_of(user)
        chosen = [one for one in found if short_id in (None, one.short_id)]
        if short_id is not None and not chosen:
            raise CommandError(f"{user.get_username()} has no session {short_id}.")
        count = sessions.end_sessions(user, chosen)
        # Else this process might end before it has told the streams.
        hint_publisher().flush(NEWS_SECONDS)
        self.stdout.write(f"{count} ended")
