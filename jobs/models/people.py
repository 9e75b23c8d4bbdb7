"""Teams, API tokens, sessions, those by single sign-on, used tickets and failed sign-ins."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

# What a token may be for, in the order in which they are written.
ALL_SCOPES = ("read", "submit", "steer", "admin")
_STORED_SCOPES = " ".join(ALL_SCOPES)


class Team(models.Model):
    """The people who share jobs: an operator sees and steers the jobs of their teams."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="reprise_teams", blank=True
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A bearer token, stored as its SHA-256 (the raw text is shown once, when it is made).

    `scopes` are words with spaces between; `kind` "" and `team` None stand for all
    (`jobs.access.scopes`).
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reprise_tokens"
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    scopes = models.CharField(max_length=100, default=_STORED_SCOPES, db_default=_STORED_SCOPES)
    kind = models.CharField(max_length=100, blank=True, default="", db_default="")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="token_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class UserSession(AbstractBaseSession):
    """A session: who has it, from where and with what it began, and when it was last used.

    Its key is the hash of what the cookie has (`jobs.access.session_store`). Without a user it is
    of somebody who has not signed in.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    address = models.CharField(max_length=45, blank=True, default="")
    agent = models.CharField(max_length=300, blank=True, default="")
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the store that reads `session_data`."""
        return import_module(settings.SESSION_ENGINE).SessionStore

    @property
    def short_id(self) -> str:
        """What people call it by."""
        return self.session_key[:8]


class UsedTicket(models.Model):
    """A ticket that has opened a stream (`jobs.access.tickets`): it opens no other."""

    id = models.UUIDField(primary_key=True)
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)


class SignInAttempts(models.Model):
    """Failed sign-ins, and when the next attempt may be made (`jobs.access.throttle`).

    The key says who: an HMAC over a name and an address, an address, or a browser.
    """

    key = models.CharField(primary_key=True, max_length=64)
    attempts = models.FloatField(default=0)  # less what has drained by `last_at`
    last_at = models.DateTimeField()
    free_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.key


class ProviderSession(models.Model):
    """A session that somebody has by single sign-on, and what the provider is asked again with.

    `tokens` are encrypted (`jobs.access.sso.sessions`). Without its row such a session is over.
    """

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(
        "socialaccount.SocialAccount", on_delete=models.CASCADE, related_name="reprise_sessions"
    )
    session = models.CharField(max_length=40, unique=True)  # the hash of its key, as stored
    provider_session = models.CharField(max_length=255, db_index=True)  # the claim `sid`
    key_id = models.CharField(max_length=8)
    tokens = models.BinaryField()
    confirmed_at = models.DateTimeField()
    check_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)
