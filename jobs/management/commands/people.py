"""`manage.py people link|reset-factors|check-ldap`: what people cannot do for themselves."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from core.sign_in_settings import LDAP
from core.words import counted
from jobs.commands.people import remove_factors
from jobs.management.base import ServiceCommand


class Command(ServiceCommand):
    help = "Connect people to single sign-on or a directory, and remove second factors they lost."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        subcommands = parser.add_subparsers(dest="what", required=True)
        link = subcommands.add_parser("link", help="let somebody sign in as an account there is")
        link.add_argument("name", help="the account's user name")
        link.add_argument("subject", help="the provider's id of the person: the claim sub")
        link.add_argument(
            "--ldap", action="store_true", help="of the LDAP directory, its lasting id"
        )
        reset = subcommands.add_parser("reset-factors", help="remove somebody's second factors")
        reset.add_argument("name", help="their user name")
        check = subcommands.add_parser("check-ldap", help="ask the directory about everybody again")
        check.add_argument("name", nargs="?", help="only show what it says about this name")

    def handle(self, *_: Any, what: str, name: str | None, **options: Any) -> None:
        """Run one subcommand."""
        if what == "check-ldap":
            self._check_ldap(name)
            return
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name}.")
        if what == "link":
            self._link(user, options["subject"], LDAP if options["ldap"] else "")
        else:
            self._reset_factors(user)

    def _link(self, user: User, subject: str, directory: str) -> None:
        issuer = directory or settings.REPRISE.oidc_issuer
        if not issuer:
            raise CommandError("REPRISE_OIDC_ISSUER is not set: there is no provider.")
        taken = SocialAccount.objects.filter(provider=issuer, uid=subject).first()
        if taken is not None:
            raise CommandError(f"This person signs in as {taken.user.get_username()} already.")
        SocialAccount.objects.create(user=user, provider=issuer, uid=subject)
        self.stdout.write(f"{subject} of {issuer} signs in as {user.get_username()} from now on.")

    def _check_ldap(self, name: str | None) -> None:
        try:
            from jobs.access import ldap_check  # needs what only some have
        except ImportError:
            raise CommandError("django-auth-ldap is not installed.") from None
        if name is None:
            count, out = ldap_check.check_people()
            self.stdout.write(
                f"Checked {counted(count, 'person', 'people')}, {out} without access."
            )
            return
        found = ldap_check.find_person(name)
        if found is None:
            raise CommandError(f"The directory finds nobody with the name {name}.")
        words = [
            *sorted(found.rights.roles),
            *(f"team:{slug}" for slug in sorted(found.rights.teams)),
        ]
        gifts = ", ".join([*words, *(["staff"] if found.rights.staff else [])])
        groups = ", ".join(sorted(found.groups))
        self.stdout.write(f"{found.dn}\ngroups: {groups or 'none'}\ngives: {gifts or 'no access'}")

    def _reset_factors(self, user: User) -> None:
        removed = counted(remove_factors(user), "second factor")
        self.stdout.write(f"Removed {removed} of {user.get_username()}.")
