"""The system's own log has months of its own, 6,000 years later than those of jobs.

So archiving the jobs of a month leaves what the system says of itself where it is.
"""

from __future__ import annotations

from django.db import migrations

MONTHS = """
select jobs_make_month(now() + interval '6000 years' + months * interval '1 month')
from generate_series(0, 2) as months;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0019_authors_of_schedules")]

    operations = [migrations.RunSQL(MONTHS, migrations.RunSQL.noop)]
