"""Workers say which versions of the kinds they have."""

from __future__ import annotations

from django.db import migrations

VERSIONS = "alter table jobs_worker add column versions jsonb not null default '{}'"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0027_forks")]

    operations = [
        migrations.RunSQL(VERSIONS, "alter table jobs_worker drop column versions"),
    ]
