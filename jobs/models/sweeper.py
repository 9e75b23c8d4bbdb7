"""What the sweeper works through: schedules, readers of the feed, duties."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from jobs.models.fields import ExactJSONField
from jobs.models.job import Job


class Schedule(models.Model):
    """A job that the clock submits (`jobs.schedules`), as its owner.

    `message` says why the last moment has none. `failures` counts those in a row that failed, the
    last at `failed_at` for what `error` says.
    """

    SKIP, ONCE, QUEUE = "skip", "once", "queue"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=100)
    params = ExactJSONField(default=dict, blank=True)
    title = models.CharField(max_length=300, blank=True)
    cron = models.CharField(max_length=100, help_text="minute hour day month weekday")
    timezone = models.CharField(max_length=64, default="UTC", help_text="Europe/Berlin")
    enabled = models.BooleanField(default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reprise_schedules"
    )
    on_missed = models.CharField(
        max_length=10,
        default=SKIP,
        choices=[(SKIP, "leave it out"), (ONCE, "run once, late")],
        help_text="When nobody was there to fire it in time.",
    )
    overlap = models.CharField(
        max_length=10,
        default=SKIP,
        choices=[(SKIP, "leave it out"), (QUEUE, "submit it all the same")],
        help_text="When its last job has not ended yet.",
    )
    last_run = models.DateTimeField(null=True, editable=False)
    next_run = models.DateTimeField(null=True, editable=False, db_index=True)
    last_job = models.ForeignKey(
        Job, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    message = models.TextField(default="", editable=False)
    failures = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    error = models.TextField(default="", db_default="", editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


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
