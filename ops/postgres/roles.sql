-- The two roles of a database of Reprise: the owner, who migrates, and the application's, who reads
-- and appends. With psql, as a superuser, connected to that database:
--
--   psql -v owner=reprise_owner -v app=reprise_app -f ops/postgres/roles.sql "$DATABASE"
--
-- Run it before the first migration or at any time after; again it changes nothing. Passwords are
-- set where OWNER_PASSWORD or APP_PASSWORD are in the environment (there, and not on the command
-- line, no list of processes shows them).
--
-- What it leaves the application: to read and write rows, and of events and seals to read and to
-- insert, no more. It owns nothing, so that it can drop, alter or truncate nothing and disable no
-- trigger. docs/explanation/log.md says why.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?owner}
\else
\set owner reprise_owner
\endif
\if :{?app}
\else
\set app reprise_app
\endif
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD

begin;
set local client_min_messages = warning;
set local search_path = public, pg_temp;

-- Roles

select distinct format('create role %I login', wanted)
from unnest(array[:'owner', :'app']) as wanted
where not exists (select from pg_roles where rolname = wanted) \gexec
\if :{?owner_password}
alter role :"owner" password :'owner_password';
\endif
\if :{?app_password}
alter role :"app" password :'app_password';
\endif

select set_config('reprise.owner', :'owner', true), set_config('reprise.app', :'app', true) \gset _
do $$
declare
  owner name := current_setting('reprise.owner');
  app name := current_setting('reprise.app');
begin
  if owner = app then
    raise exception 'owner and app are both %: they must be two roles', app;
  elsif (select rolsuper from pg_roles where rolname = app) then
    raise exception '% is a superuser: the application would own everything', app;
  elsif pg_has_role(app, owner, 'member') then
    raise exception '% is a member of %: the application would own what that owns', app, owner;
  end if;
end $$;

-- A write that is left open anywhere in the cluster holds the feed of all jobs back.
select current_setting('server_version_num')::int >= 170000 as limits_transactions \gset
\if :limits_transactions
alter role :"app" set transaction_timeout = '60s';
\endif
alter role :"app" set idle_in_transaction_session_timeout = '15s';

-- What is whose: also where the application has migrated until now.

reassign owned by :"app" to :"owner";
alter database :"DBNAME" owner to :"owner";
grant connect on database :"DBNAME" to :"app";
revoke create on schema public from public, :"app";
grant usage, create on schema public to :"owner";
grant usage on schema public to :"app";

-- Rights to rows: of the tables there are, and of those that later migrations make.

revoke all on all tables in schema public from :"app";
revoke all on all sequences in schema public from :"app";
grant select, insert, update, delete on all tables in schema public to :"app";
grant usage, select on all sequences in schema public to :"app";
alter default privileges for role :"owner"
  grant select, insert, update, delete on tables to :"app";
alter default privileges for role :"owner" grant usage, select on sequences to :"app";

-- Fewer for what nobody may change. The migrations know which tables that are, and do the same
-- themselves, for whichever roles there are by then.

select to_regprocedure('jobs_restrict()') is not null as migrated \gset
\if :migrated
do $$ begin perform jobs_restrict(); end $$;
\endif

commit;
