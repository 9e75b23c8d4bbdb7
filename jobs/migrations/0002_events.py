"""The log itself, its partitions and its guards; the feed; the queue of claims.

Events are no Django model: `jobs.log` and `jobs.feed` hold the only SQL on them.
"""

from __future__ import annotations

from django.db import migrations

EVENTS = """
create sequence jobs_event_id_seq;
create table jobs_event (
  job uuid not null,
  seq bigint not null check (seq > 0),
  id bigint not null default nextval('jobs_event_id_seq'),
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null,
  type text not null,
  actor text not null,
  target text,
  text text not null,
  append_id uuid,
  primary key (job, seq)
) partition by range (job);
alter sequence jobs_event_id_seq owned by jobs_event.id;
comment on table jobs_event is
  'The event log. text is what every reader gets: the body, its hash as the last member.';
create unique index jobs_event_append on jobs_event (job, append_id) where append_id is not null;
create index jobs_event_xid on jobs_event (xid);
"""

GUARDS = """
create function jobs_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'events are append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end $$;
create trigger jobs_event_no_change before update or delete on jobs_event
  for each row execute function jobs_refuse();
create trigger jobs_event_no_truncate before truncate on jobs_event
  for each statement execute function jobs_refuse();
"""

# Row triggers are cloned to partitions, a TRUNCATE trigger is not: each month gets its own.
# A bound is the smallest UUID of the month: 48 bits of Unix milliseconds, then zeros.
MONTHS = """
create function jobs_month_bound(month timestamptz) returns uuid
language sql immutable strict as $$
  select (rpad(lpad(to_hex((extract(epoch from month) * 1000)::bigint), 12, '0'), 32, '0'))::uuid
$$;
-- Its owner's right to make tables, lent for this alone: the application's role has none.
create function jobs_make_month(moment timestamptz) returns text language plpgsql
security definer set search_path = public, pg_temp as $$
declare
  month timestamp := date_trunc('month', moment at time zone 'UTC');
  name text := 'jobs_event_' || to_char(month, 'YYYY_MM');
begin
  if to_regclass(name) is not null then
    return null;
  end if;
  execute format('create table %I partition of jobs_event for values from (%L) to (%L)', name,
                 jobs_month_bound(month at time zone 'UTC'),
                 jobs_month_bound((month + interval '1 month') at time zone 'UTC'));
  execute format('create trigger jobs_event_no_truncate before truncate on %I '
                 'for each statement execute function jobs_refuse()', name);
  return name;
end $$;
select jobs_make_month(now() + months * interval '1 month') from generate_series(-1, 2) as months;
"""

FEED = """
create table jobs_feed (
  position bigint primary key,
  job uuid not null,
  seq bigint not null,
  unique (job, seq)
);
create table jobs_feed_state (
  only_row boolean primary key default true check (only_row),
  horizon xid8 not null,
  position bigint not null
);
insert into jobs_feed_state (horizon, position) values ('0', 0);
create sequence jobs_claim_ticket_seq;
"""

UNDO = """
drop sequence jobs_claim_ticket_seq;
drop table jobs_feed_state, jobs_feed, jobs_event;
drop function jobs_make_month, jobs_month_bound, jobs_refuse;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [migrations.RunSQL(EVENTS + GUARDS + MONTHS + FEED, UNDO)]
