"""Seals and archives of the log."""

from __future__ import annotations

from django.db import models


class Seal(models.Model):
    """A signed digest of the heads that moved since the seal before (`jobs.integrity.seals`)."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    text = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"seal {self.number}"


class SealedHead(models.Model):
    """One head that a seal vouches for."""

    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="heads")
    job = models.UUIDField()
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        # Two seals may have the same head: one of them may have been without its row for a time.
        constraints = [
            models.UniqueConstraint(fields=["job", "seq", "seal"], name="sealed_once_by_each")
        ]


class Archive(models.Model):
    """A month's events in a file of the archive storage (`jobs.archive`).

    `seals` names the file beside it with the seals of its jobs, "" if there is none. A month
    that gets jobs after it was dropped (by imports) may have several.
    """

    month = models.DateField()
    name = models.CharField(max_length=300, unique=True)
    seals = models.CharField(max_length=300, default="")
    jobs = models.BigIntegerField()
    events = models.BigIntegerField()
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField(auto_now_add=True)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class ArchivedRange(models.Model):
    """Where in an archive a job's events `first`..`last` are: one compressed frame."""

    archive = models.ForeignKey(Archive, on_delete=models.CASCADE, related_name="ranges")
    job = models.UUIDField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    offset = models.BigIntegerField()
    length = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "first"], name="archived_once")]
