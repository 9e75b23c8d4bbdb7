"""Rights of teams on kinds and targets."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

ACTS = [("see", "see"), ("run", "run"), ("approve", "approve")]


class Migration(migrations.Migration):
    dependencies = [("jobs", "0023_sessions")]

    operations = [
        migrations.CreateModel(
            "Right",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True,
                                           verbose_name="ID")),
                ("act", models.CharField(max_length=10, choices=ACTS,
                                         help_text="Who may run or approve may see, too.")),
                ("kind", models.CharField(max_length=100, default="*",
                                          help_text="A kind's name, or *.")),
                ("targets", models.CharField(
                    max_length=300, default="*",
                    help_text="A target's name, group:NAME, label:NAME=VALUE, label:NAME, or *.")),
                ("team", models.ForeignKey(to="jobs.team", related_name="rights",
                                           on_delete=django.db.models.deletion.CASCADE)),
            ],
            options={
                "ordering": ["team", "kind", "targets", "act"],
                "constraints": [
                    models.UniqueConstraint(fields=["team", "act", "kind", "targets"],
                                            name="right_once")
                ],
            },
        ),
    ]  # fmt: skip
