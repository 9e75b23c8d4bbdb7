"""`manage.py token make|list|revoke`: API tokens from the command line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from core import clock
from core.errors import InvalidParams
from jobs.access import tokens
from jobs.log.hints import hint_publisher
from jobs.management.base import ServiceCommand
from jobs.models import ALL_SCOPES, ApiToken

NEWS_SECONDS = 2.0


class Command(ServiceCommand):
    help = "Make, list and revoke API tokens. A token's text is printed once, when it is made."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the three subcommands."""
        commands = parser.add_subparsers(dest="what", required=True)
        make = commands.add_parser("make", help="print a new token of a user")
        make.add_argument("user")
        make.add_argument("name", help="unique for that user; it is in the actor of events")
        ends = make.add_mutually_exclusive_group()
        ends.add_argument(
            "--days", type=float, help="days until it expires (default: REPRISE_TOKEN_DAYS)"
        )
        ends.add_argument("--never", action="store_true", help="it never expires, if that may be")
        make.add_argument(
            "--scope", action="append", choices=ALL_SCOPES, help="repeated; default: all of them"
        )
        make.add_argument("--kind", default="", help="only for jobs of this kind")
        make.add_argument("--team", default="", help="only for jobs of this team, by its slug")
        listing = commands.add_parser("list", help="list tokens, newest last")
        listing.add_argument("user", nargs="?", help="of this user only")
        revoke = commands.add_parser("revoke", help="end a token at once")
        revoke.add_argument("user")
        revoke.add_argument("name")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Run one subcommand."""
        match what:
            case "make":
                self._make_token(options)
            case "list":
                self._list_tokens(options["user"])
            case "revoke":
                self._revoke_tokens(options["user"], options["name"])

    def _make_token(self, options: dict[str, Any]) -> None:
        days = options["days"]
        try:
            _token, raw = tokens.make_token(
                get_user(options["user"]),
                options["name"],
                expires_at=clock.now() + timedelta(days=days) if days is not None else None,
                endless=options["never"],
                scope_names=options["scope"],
                kind=options["kind"],
                team=options["team"],
            )
        except InvalidParams as error:
            raise CommandError(error.errors[0]["detail"]) from error
        except (OverflowError, ValueError) as error:
            raise CommandError(f"Not a number of days: {days}.") from error
        self.stdout.write(raw)

    def _list_tokens(self, username: str | None) -> None:
        found = ApiToken.objects.select_related("user", "team").order_by("pk")
        if username is not None:
            found = found.filter(user=get_user(username))
        for token in found:
            self.stdout.write(
                f"{token.user.get_username()}\t{token.name}\t{token.prefix}…\t{_token_state(token)}"
            )

    def _revoke_tokens(self, username: str, name: str) -> None:
        found = ApiToken.objects.filter(user=get_user(username), name=name)
        if not found.exists():
            raise CommandError(f"{username} has no token called {name}.")
        tokens.revoke_tokens(found)
        # Else this process might end before it has told the streams.
        hint_publisher().flush(NEWS_SECONDS)


def get_user(username: str) -> User:
    """Return the user of this name; CommandError if there is none."""
    try:
        return User.objects.get(username=username)
    except User.DoesNotExist:
        raise CommandError(f"There is no user {username}.") from None


def _token_state(token: ApiToken) -> str:
    if token.revoked_at:
        return f"revoked {token.revoked_at:%Y-%m-%d %H:%M}"
    used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
    ends = f"{token.expires_at:%Y-%m-%d %H:%M}" if token.expires_at else "no"
    limits = f" of kind {token.kind}" * bool(token.kind)
    limits += f" of team {token.team.slug}" if token.team else ""
    return f"last used {used}, expires {ends}, may {token.scopes}{limits}"
