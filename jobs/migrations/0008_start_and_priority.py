"""A job's row says when it is to start at the soonest, and who goes first."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0007_run_command")]

    operations = [
        migrations.AddField("job", "start_at", models.DateTimeField(null=True)),
        migrations.AddField("job", "priority", models.SmallIntegerField(default=0, db_default=0)),
        migrations.AddIndex(
            "job",
            models.Index(
                fields=["kind", "-priority", "id"],
                condition=models.Q(
                    ("status__in", ["succeeded", "failed", "cancelled"]), _negated=True
                ),
                name="job_line",
            ),
        ),
    ]
