"""Notices: who wants to hear of what, what is to be told, and in which messages it was."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.ids import uuid7
from jobs.models.job import Job
from jobs.models.people import Team

MAX_SUBSCRIPTION = 100
NOTICE_EVENTS = ("failed", "approval", "done", "stuck", "recovered")
"""What people can hear of; a notice may also be a `test`."""


class Subscription(models.Model):
    """What a person or a team (one of the two) hears of, where, and when not.

    `kind` and `target` "" stand for all; `own`: only jobs that the person submitted. `channel` is
    `mail`, or the service of the encrypted address (`jobs.notices.addresses`). In quiet hours, from
    `quiet_from` to `quiet_until` in `timezone`, notices gather, and so for `digest_minutes` after a
    message. `due_at`: when the next message is made. `failures` counts those in a row that could
    not be sent, the last for what `error` says.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=MAX_SUBSCRIPTION)
    events = models.JSONField(default=list)
    kind = models.CharField(max_length=100, blank=True, default="")
    target = models.CharField(max_length=200, blank=True, default="")
    own = models.BooleanField(default=False)
    channel = models.CharField(max_length=40)
    key_id = models.CharField(max_length=8, blank=True, default="")
    ciphertext = models.BinaryField(default=b"")
    timezone = models.CharField(max_length=64, default="UTC")
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    digest_minutes = models.PositiveIntegerField(default=1)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    sent_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(default="")

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, team__isnull=True)
                | Q(user__isnull=True, team__isnull=False),
                name="subscription_of_one",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """What errors call its address."""
        return f"address of the subscription {self.name}"

    @property
    def context(self) -> bytes:
        """What binds the ciphertext to this row: copied to another it cannot be opened."""
        return b"subscription" + bytes(self.id.bytes)


class Digest(models.Model):
    """One message with some notices, which stay the same however often it is tried.

    Its id is in the message, so that a receiver can tell a second try from a second message.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="digests")
    made_at = models.DateTimeField(auto_now_add=True)
    tries = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)


class Notice(models.Model):
    """One thing to tell a subscriber, once; without a `digest` it waits to be told.

    `event` is a word of NOTICE_EVENTS, or `test`, which has no job. `targets` are those that have
    recovered.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="notices")
    job = models.ForeignKey(Job, null=True, on_delete=models.CASCADE, related_name="+")
    seq = models.BigIntegerField(default=0)
    event = models.CharField(max_length=20)
    at = models.DateTimeField()
    targets = models.JSONField(default=list)
    digest = models.ForeignKey(Digest, null=True, on_delete=models.CASCADE, related_name="notices")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "job", "seq", "event"], name="notice_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["subscription", "id"], condition=Q(digest__isnull=True), name="notice_waits"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.job_id}"
