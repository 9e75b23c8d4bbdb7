"""An index of the large events, so that a page knows at once whether it has to count bytes.

For most jobs there is nothing in it. `jobs.log.sql` names the size too.
"""

from __future__ import annotations

from django.db import migrations

LARGE = "create index jobs_event_large on jobs_event (job, seq) where octet_length(text) > 4096"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0010_secrets")]

    operations = [migrations.RunSQL(LARGE, "drop index jobs_event_large")]
