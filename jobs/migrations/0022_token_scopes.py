"""Tokens have scopes, and may be for one kind or one team; those that there are keep all scopes."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

ALL = "read submit steer admin"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0021_provider_sessions")]

    operations = [
        migrations.AddField(
            "ApiToken", "scopes", models.CharField(max_length=100, default=ALL, db_default=ALL)
        ),
        migrations.AddField(
            "ApiToken",
            "kind",
            models.CharField(max_length=100, blank=True, default="", db_default=""),
        ),
        migrations.AddField(
            "ApiToken",
            "team",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="jobs.team",
            ),
        ),
    ]
