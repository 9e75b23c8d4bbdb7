"""The feed is append-only too, and what a job's row says of its submission does not change.

The application needs to insert into the feed, and to make and delete snapshots: it gets no more.
Of jobs_job it updates what events move; a trigger refuses every change of the rest, by whomever.
"""

from __future__ import annotations

from django.db import migrations

GUARDS = """
create or replace function jobs_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'events, seals and the feed are append-only: % on % is refused', tg_op,
    tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger jobs_feed_no_change before update or delete on jobs_feed
  for each row execute function jobs_refuse();
create trigger jobs_feed_no_truncate before truncate on jobs_feed
  for each statement execute function jobs_refuse();

create function jobs_refuse_submission() returns trigger language plpgsql as $$
begin
  raise exception 'what was submitted does not change: % on % is refused', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end $$;
create trigger jobs_job_submission_stays before update of
    id, kind, title, params, labels, plan, team_id, owner_id, submitted_by, retry_of_id
  on jobs_job for each row
  when ((old.id, old.kind, old.title, old.params::text, old.labels, old.plan,
         old.team_id, old.owner_id, old.submitted_by, old.retry_of_id)
        is distinct from
        (new.id, new.kind, new.title, new.params::text, new.labels, new.plan,
         new.team_id, new.owner_id, new.submitted_by, new.retry_of_id))
  execute function jobs_refuse_submission();
"""

RIGHTS = """
create or replace function jobs_restrict() returns void language plpgsql as $$
begin
  perform jobs_keep_rights(relid, '{SELECT,INSERT}') from pg_partition_tree('jobs_event');
  perform jobs_keep_rights('jobs_seal', '{SELECT,INSERT}');
  perform jobs_keep_rights('jobs_sealedhead', '{SELECT,INSERT}');
  perform jobs_keep_rights('jobs_feed', '{SELECT,INSERT}');
  perform jobs_keep_rights('jobs_snapshot', '{SELECT,INSERT,DELETE}');
  perform jobs_keep_rights('jobs_job', '{SELECT,INSERT,UPDATE}');
  perform jobs_keep_rights('django_migrations', '{SELECT}');
end $$;
select jobs_restrict();
"""

UNDO = """
drop trigger jobs_job_submission_stays on jobs_job;
drop function jobs_refuse_submission;
drop trigger jobs_feed_no_truncate on jobs_feed;
drop trigger jobs_feed_no_change on jobs_feed;
create or replace function jobs_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'events and seals are append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end $$;
create or replace function jobs_restrict() returns void language plpgsql as $$
begin
  perform jobs_keep_rights(relid, '{SELECT,INSERT}') from pg_partition_tree('jobs_event');
  perform jobs_keep_rights('jobs_seal', '{SELECT,INSERT}');
  perform jobs_keep_rights('jobs_sealedhead', '{SELECT,INSERT}');
  perform jobs_keep_rights('jobs_job', '{SELECT,INSERT,UPDATE}');
  perform jobs_keep_rights('django_migrations', '{SELECT}');
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0016_heads_sealed_again")]

    operations = [migrations.RunSQL(GUARDS + RIGHTS, UNDO)]
