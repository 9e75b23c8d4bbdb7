"""Readers of the feed and the sweeper's duties: how far each has come."""

from __future__ import annotations

from django.db import models


class Consumer(models.Model):
    """How far in the feed a named reader has come (`jobs.feed.consumers`); `failures` in a row.

    `left_out` counts the events that its handler gave up, for what `error` says of the last.
    """

    name = models.CharField(max_length=100, primary_key=True)
    enabled = models.BooleanField(default=True, db_default=True)
    left_out = models.BigIntegerField(default=0, db_default=0)
    position = models.BigIntegerField(default=0)
    busy_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class Duty(models.Model):
    """A duty of the sweeper (`jobs.queue.maintenance`): when it last succeeded.

    `every`: seconds between two passes. `failures` in a row, the last for what `error` says.
    """

    name = models.CharField(max_length=100, primary_key=True)
    every = models.FloatField()
    done_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(default="")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
