"""Teams, API tokens, used tickets, failed sign-ins and sessions by single sign-on."""

from __future__ import annotations

from django.conf import settings
from django.db import models


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
    """A bearer token, stored as its SHA-256 (the raw text is shown once, when it is made)."""

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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="token_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


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
