"""Schedules: what the sweeper submits by the clock."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from jobs.models.fields import ExactJSONField
from jobs.models.job import Job


class Schedule(models.Model):
    """A job that the clock submits (`jobs.schedules`), as its owner.

    `author` made it and `changed_by` saved it last, in the admin; None where that is not known.
    Neither may answer for its jobs where that takes somebody else than the submitter.

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
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
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
