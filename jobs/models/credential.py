"""Credentials: keys, passwords and tokens that a team's jobs use and that nobody sees."""

from __future__ import annotations

from django.db import models

from core.ids import uuid7
from jobs.models.job import Job
from jobs.models.people import Team

MAX_CREDENTIAL = 100


class Credential(models.Model):
    """A secret value with a name: encrypted here, or at `reference` in an outside `store`.

    Jobs of `team`, which owns it, and of the teams of `users` may use it; without a team it is the
    installation's (`jobs.access.credentials`). The value is written by `jobs.secrets.credentials`.
    """

    SSH_KEY, PASSWORD, TOKEN = "ssh_key", "password", "token"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=MAX_CREDENTIAL, unique=True)
    type = models.CharField(
        max_length=20, choices=[(SSH_KEY, "ssh key"), (PASSWORD, "password"), (TOKEN, "token")]
    )
    description = models.CharField(max_length=300, blank=True)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="credentials",
        verbose_name="owner", help_text="Its jobs may use it. Empty: the installation's.",
    )  # fmt: skip
    users = models.ManyToManyField(
        Team, blank=True, related_name="usable_credentials",
        verbose_name="other teams", help_text="Jobs of these teams may use it, too.",
    )  # fmt: skip
    store = models.CharField(
        max_length=100, blank=True, help_text="Instead of a value: a store that is set up."
    )
    reference = models.CharField(
        max_length=500, blank=True, help_text="Where it is in that store: path#field."
    )
    key_id = models.CharField(max_length=8, blank=True, editable=False)
    ciphertext = models.BinaryField(default=b"", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now_add=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_by = models.ForeignKey(
        Job, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        permissions = [("manage_credential", "Can manage the credentials of their teams")]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"credential {self.name}"

    @property
    def context(self) -> bytes:
        """What binds the ciphertext to this row: copied to another it cannot be opened."""
        return b"credential" + bytes(self.id.bytes)
