"""Tickets are used once, and a job says that it was imported.

Those that have been used are rows until nobody would take them anyway. When a job was imported does
not change, as what was submitted does not.
"""

from __future__ import annotations

from django.db import migrations, models

GUARD = """
create trigger jobs_job_import_stays before update of imported_at on jobs_job
  for each row when (old.imported_at is distinct from new.imported_at)
  execute function jobs_refuse_submission();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0017_feed_and_rows_stay")]

    operations = [
        migrations.CreateModel(
            "UsedTicket",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("ends_at", models.DateTimeField(db_index=True)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddField("job", "imported_at", models.DateTimeField(null=True)),
        migrations.RunSQL(GUARD, "drop trigger jobs_job_import_stays on jobs_job"),
    ]
