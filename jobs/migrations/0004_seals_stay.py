"""Seals are append-only too; and of what is, nobody but its owner has more than SELECT and INSERT.

The triggers refuse changes by everybody, but a table's owner can disable them. So the rights are
taken as well, from whichever roles have them (`ops/postgres/roles.sql` makes the roles): of every
partition, because a right to one of them needs none to its parent.
"""

from __future__ import annotations

from django.db import migrations

GUARDS = """
create or replace function jobs_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'events and seals are append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end $$;
create trigger jobs_seal_no_change before update or delete on jobs_seal
  for each row execute function jobs_refuse();
create trigger jobs_seal_no_truncate before truncate on jobs_seal
  for each statement execute function jobs_refuse();
create trigger jobs_sealedhead_no_change before update or delete on jobs_sealedhead
  for each row execute function jobs_refuse();
create trigger jobs_sealedhead_no_truncate before truncate on jobs_sealedhead
  for each statement execute function jobs_refuse();
"""

RIGHTS = """
-- Takes every right to a table but the kept ones from everybody but its owner.
create or replace function jobs_keep_rights(of regclass, kept text[]) returns void
language plpgsql as $$
declare
  held record;
begin
  for held in
    select distinct acl.privilege_type as privilege,
           case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end as grantee
    from pg_class cross join aclexplode(relacl) as acl
    where pg_class.oid = of and acl.grantee <> relowner and acl.privilege_type <> all (kept)
  loop
    execute format('revoke %s on %s from %s', held.privilege, of, held.grantee);
  end loop;
end $$;
create function jobs_restrict() returns void language plpgsql as $$
begin
  perform jobs_keep_rights(relid, '{SELECT,INSERT}') from pg_partition_tree('jobs_event');
  perform jobs_keep_rights('jobs_seal', '{SELECT,INSERT}');
  perform jobs_keep_rights('jobs_sealedhead', '{SELECT,INSERT}');
  perform jobs_keep_rights('jobs_job', '{SELECT,INSERT,UPDATE}');
  perform jobs_keep_rights('django_migrations', '{SELECT}');
end $$;
revoke execute on function jobs_keep_rights, jobs_restrict from public;
select jobs_restrict();
"""

MAKE_MONTH = """
create or replace function jobs_make_month(moment timestamptz) returns text language plpgsql
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
  perform jobs_keep_rights(name::regclass, '{SELECT,INSERT}');
  return name;
end $$;
"""

# jobs_keep_rights stays: jobs_make_month calls it.
UNDO = """
drop trigger jobs_seal_no_change on jobs_seal;
drop trigger jobs_seal_no_truncate on jobs_seal;
drop trigger jobs_sealedhead_no_change on jobs_sealedhead;
drop trigger jobs_sealedhead_no_truncate on jobs_sealedhead;
drop function jobs_restrict;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_log_for_years")]

    operations = [migrations.RunSQL(GUARDS + RIGHTS + MAKE_MONTH, UNDO)]
