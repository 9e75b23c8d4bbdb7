"""Steps as rows, which a consumer of the feed makes; those of earlier jobs, too, by and by."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0025_credentials")]

    operations = [
        migrations.CreateModel(
            "StepRun",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True,
                                           verbose_name="ID")),
                ("job", models.ForeignKey(to="jobs.job", related_name="step_runs",
                                          on_delete=django.db.models.deletion.CASCADE)),
                ("step", models.TextField()),
                ("target", models.TextField()),
                ("occurrence", models.PositiveIntegerField()),
                ("status", models.CharField(max_length=20)),
                ("tries", models.PositiveIntegerField()),
                ("seconds", models.FloatField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=["job", "step", "target", "occurrence"],
                                            name="step_run_once")
                ],
                "indexes": [
                    models.Index(fields=["target", "-job"], name="step_run_of_target")
                ],
            },
        ),
    ]  # fmt: skip
