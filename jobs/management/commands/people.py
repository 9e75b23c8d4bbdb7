"""`manage.py people link|reset-factors`: what people cannot do for themselves."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from core.words import counted
from jobs.management.base import ServiceCommand


class Command(ServiceCommand):
    help = "Connect people to single sign-on, and remove second factors that they have lost."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        subcommands = parser.add_subparsers(dest="what", required=True)
        link = subcommands.add_parser("link", help="let somebody sign in as an account there is")
        link.add_argument("name", help="the account's user name")
        link.add_argument("subject", help="the provider's id of the person: the claim sub")
        reset = subcommands.add_parser("reset-factors", help="remove somebody's second factors")
        reset.add_argument("name", help="their user name")

    def handle(self, *_: Any, what: str, name: str, **options: Any) -> None:
        """Run one subcommand."""
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name}.")
        if what == "link":
            self._link(user, options["subject"])
        else:
            self._reset_factors(user)

    def _link(self, user: User, subject: str) -> None:
        issuer = settings.REPRISE.oidc_issuer
        if not issuer:
            raise CommandError("REPRISE_OIDC_ISSUER is not set: there is no provider.")
        taken = SocialAccount.objects.filter(provider=issuer, uid=subject).first()
        if taken is not None:
            raise CommandError(f"This person signs in as {taken.user.get_username()} already.")
        SocialAccount.objects.create(user=user, provider=issuer, uid=subject)
        self.stdout.write(f"{subject} of {issuer} signs in as {user.get_username()} from now on.")

    def _reset_factors(self, user: User) -> None:
        with transaction.atomic():
            factors = list(Authenticator.objects.filter(user=user))
            for one in factors:
                one.delete()
        removed = counted(len(factors), "second factor")
        self.stdout.write(f"Removed {removed} of {user.get_username()}.")
