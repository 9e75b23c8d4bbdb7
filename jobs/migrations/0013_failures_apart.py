"""Schedules, consumers and the sweeper's duties fail by themselves, and say so."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0012_sign_in_attempts")]

    operations = [
        migrations.CreateModel(
            name="Duty",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("every", models.FloatField()),
                ("done_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(default="")),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddField(
            "consumer", "enabled", models.BooleanField(default=True, db_default=True)
        ),
        migrations.AddField(
            "consumer", "left_out", models.BigIntegerField(default=0, db_default=0)
        ),
        migrations.AddField(
            "schedule",
            "failures",
            models.PositiveIntegerField(default=0, db_default=0, editable=False),
        ),
        migrations.AddField(
            "schedule", "failed_at", models.DateTimeField(null=True, editable=False)
        ),
        migrations.AddField(
            "schedule", "error", models.TextField(default="", db_default="", editable=False)
        ),
    ]
