"""A permission of its own for the kind `command`; `jobs.roles` gives it to commanders."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_parked_jobs")]

    operations = [
        migrations.AlterModelOptions(
            name="job",
            options={
                "default_permissions": ("view",),
                "ordering": ["-id"],
                "permissions": [
                    ("submit_job", "Can submit jobs"),
                    ("steer_job", "Can stop, pause, resume and retry jobs"),
                    ("view_all_jobs", "Can read the jobs of every team"),
                    ("run_command", "Can run any command on any target"),
                ],
            },
        ),
    ]
