"""Jobs that the clock submits."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0008_start_and_priority"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Schedule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                ("kind", models.CharField(max_length=100)),
                ("params", models.JSONField(blank=True, default=dict)),
                ("title", models.CharField(blank=True, max_length=300)),
                (
                    "cron",
                    models.CharField(help_text="minute hour day month weekday", max_length=100),
                ),
                (
                    "timezone",
                    models.CharField(default="UTC", help_text="Europe/Berlin", max_length=64),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "on_missed",
                    models.CharField(
                        choices=[("skip", "leave it out"), ("once", "run once, late")],
                        default="skip",
                        help_text="When nobody was there to fire it in time.",
                        max_length=10,
                    ),
                ),
                (
                    "overlap",
                    models.CharField(
                        choices=[("skip", "leave it out"), ("queue", "submit it all the same")],
                        default="skip",
                        help_text="When its last job has not ended yet.",
                        max_length=10,
                    ),
                ),
                ("last_run", models.DateTimeField(editable=False, null=True)),
                ("next_run", models.DateTimeField(db_index=True, editable=False, null=True)),
                ("message", models.TextField(default="", editable=False)),
                (
                    "last_job",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="jobs.job",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reprise_schedules",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
    ]
