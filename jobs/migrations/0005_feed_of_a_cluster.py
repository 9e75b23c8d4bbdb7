"""The feed's state says which cluster its horizon is of: another counts transactions anew."""

from __future__ import annotations

from django.db import migrations

ADD = """
alter table jobs_feed_state
  add column cluster bigint,
  add column settled_id bigint not null default 0;
comment on column jobs_feed_state.cluster is
  'The system identifier of the cluster whose transaction ids the horizon counts.';
comment on column jobs_feed_state.settled_id is
  'Events up to this identity that seem to be of the future are of another cluster, and fed.';
"""

DROP = "alter table jobs_feed_state drop column cluster, drop column settled_id"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_seals_stay")]

    operations = [migrations.RunSQL(ADD, DROP)]
