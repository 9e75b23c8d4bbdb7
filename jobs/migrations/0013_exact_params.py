"""Parameters are kept as the text that was submitted: jsonb rewrites numbers and moves members."""

from __future__ import annotations

from django.db import migrations

import jobs.fields


class Migration(migrations.Migration):
    dependencies = [("jobs", "0012_sign_in_attempts")]

    operations = [
        migrations.AlterField("job", "params", jobs.fields.ExactJSONField()),
        migrations.AlterField(
            "schedule", "params", jobs.fields.ExactJSONField(blank=True, default=dict)
        ),
    ]
