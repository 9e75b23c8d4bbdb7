"""Tickets are used once: those that have been are rows until nobody would take them anyway."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0017_feed_and_rows_stay")]

    operations = [
        migrations.CreateModel(
            "UsedTicket",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("ends_at", models.DateTimeField(db_index=True)),
            ],
            options={"default_permissions": ()},
        ),
    ]
