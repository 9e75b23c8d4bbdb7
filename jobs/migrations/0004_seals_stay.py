"""Seals are append-only too: triggers refuse to change or remove one."""

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

UNDO = """
drop trigger jobs_seal_no_change on jobs_seal;
drop trigger jobs_seal_no_truncate on jobs_seal;
drop trigger jobs_sealedhead_no_change on jobs_sealedhead;
drop trigger jobs_sealedhead_no_truncate on jobs_sealedhead;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_log_for_years")]

    operations = [migrations.RunSQL(GUARDS, UNDO)]
