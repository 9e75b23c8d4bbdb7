"""Attempts to sign in are counted, so that whoever guesses passwords has to wait."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_large_events")]

    operations = [
        migrations.CreateModel(
            name="SignInAttempts",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("attempts", models.FloatField(default=0)),
                ("last_at", models.DateTimeField()),
                ("free_at", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
    ]
