"""Values of secret parameters have a table of their own, encrypted, beside the log."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0009_schedule")]

    operations = [
        migrations.CreateModel(
            name="StoredSecret",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.TextField()),
                ("key_id", models.CharField(max_length=8)),
                ("ciphertext", models.BinaryField()),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="secrets",
                        to="jobs.job",
                    ),
                ),
            ],
            options={
                "db_table": "jobs_secret",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("job", "name"), name="secret_once")
                ],
            },
        ),
    ]
