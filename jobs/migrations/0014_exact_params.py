"""Parameters are kept as the text that was submitted: jsonb rewrites numbers and moves members."""

from __future__ import annotations

from django.db import migrations

import jobs.models.fields


class Migration(migrations.Migration):
    dependencies = [("jobs", "0013_failures_apart")]

    operations = [
        migrations.AlterField("job", "params", jobs.models.fields.ExactJSONField()),
        migrations.AlterField(
            "schedule", "params", jobs.models.fields.ExactJSONField(blank=True, default=dict)
        ),
    ]
