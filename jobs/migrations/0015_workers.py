"""Workers say which job kinds they know, and jobs of a kind that nobody knows are found quickly."""

from __future__ import annotations

from django.db import migrations

WORKERS = """
create table jobs_worker (
  name text primary key,
  kinds text[] not null,
  seen_at timestamptz not null
)
"""

# `jobs.unknown_kinds` repeats the condition word for word.
WAITING = """
create index job_unknown_kind on jobs_job (kind, priority desc, id)
where status = 'waiting' and waiting_for @> '[{"for": "kind"}]'
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0014_exact_params")]

    operations = [
        migrations.RunSQL(WORKERS, "drop table jobs_worker"),
        migrations.RunSQL(WAITING, "drop index job_unknown_kind"),
    ]
