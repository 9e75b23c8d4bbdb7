"""A job's row says whether its run is parked, and when it is due."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_feed_of_a_cluster")]

    operations = [
        migrations.AddField("job", "parked", models.BooleanField(default=False, db_default=False)),
        migrations.AddField("job", "due_at", models.DateTimeField(null=True)),
    ]
