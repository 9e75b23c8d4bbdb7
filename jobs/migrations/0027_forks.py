"""What a fork goes on from: a column that, like all that was submitted, does not change."""

from __future__ import annotations

from django.db import migrations, models

GUARDED = "id, kind, title, params, labels, plan, team_id, owner_id, submitted_by, retry_of_id"
ADDED = f"{GUARDED}, forked_from"


def _trigger(columns: str) -> str:
    """Return the SQL that makes a change of these columns refused."""
    names = [name.strip() for name in columns.split(",")]
    old, new = (
        ", ".join(f"{row}.{name}{'::text' if name == 'params' else ''}" for name in names)
        for row in ("old", "new")
    )
    return f"""
drop trigger jobs_job_submission_stays on jobs_job;
create trigger jobs_job_submission_stays before update of {columns}
  on jobs_job for each row
  when (({old}) is distinct from ({new}))
  execute function jobs_refuse_submission();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0026_step_runs")]

    operations = [
        migrations.AddField("Job", "forked_from", models.JSONField(null=True)),
        migrations.RunSQL(_trigger(ADDED), _trigger(GUARDED)),
    ]
