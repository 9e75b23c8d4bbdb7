"""Every statement on events and on the folded columns of the job row (the feed has its own)."""

LOCK = """
select id, fence, status, done, total, failed, attempt, head, head_hash,
       submitted_at, started_at, finished_at, last_at, message, waiting_for
from jobs_job where id = any(%s) order by id for no key update
"""
LOCK_FREE = LOCK.rstrip() + " skip locked\n"

# A statement of its own, after the lock: the clock is read, and an earlier try of the same batch
# seen, as of a moment at which nobody else can append to these jobs.
CLOCK_AND_KNOWN = """
select clock_timestamp(), array(
  select array[job::text, append_id::text, seq::text] from jobs_event
  where job = any(%s) and append_id = any(%s)
)
"""

INSERT = """
insert into jobs_event (job, seq, at, type, actor, target, text, append_id)
select job, seq, at, type, actor, target, text, append_id
from unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::uuid[])
     with ordinality as new (job, seq, at, type, actor, target, text, append_id, place)
order by place
"""

UPDATE_ROWS = """
update jobs_job as j set
  status = new.status, done = new.done, total = new.total, failed = new.failed,
  attempt = new.attempt, head = new.head, head_hash = new.head_hash,
  submitted_at = new.submitted_at, started_at = new.started_at, finished_at = new.finished_at,
  last_at = new.last_at, message = new.message, waiting_for = new.waiting_for,
  lease_until = case when new.finished_at is null then j.lease_until end
from unnest(%s::uuid[], %s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::bigint[],
            %s::bytea[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
            %s::timestamptz[], %s::text[], %s::jsonb[])
     as new (id, status, done, total, failed, attempt, head, head_hash, submitted_at, started_at,
             finished_at, last_at, message, waiting_for)
where j.id = new.id
"""

# seq is gapless, so a page is a range and needs no LIMIT. psycopg sends a small int as a smallint:
# without the cast their sum overflows past 32,767.
PAGE = """
select coalesce(max(seq), %(after)s), coalesce(string_agg(text, E'\\n' order by seq), '')
from jobs_event
where job = %(job)s and seq > %(after)s and seq <= %(after)s::bigint + %(limit)s
"""

BATCH = "select seq, text from jobs_event where job = %s and seq between %s and %s order by seq"

HEADS = "select id, head, encode(head_hash, 'hex'), status from jobs_job where id = any(%s)"

HASH_AT = "select substring(right(text, 66) for 64) from jobs_event where job = %s and seq = %s"

MAKE_MONTH = "select jobs_make_month(%s)"
MONTHS = """
select inhrelid::regclass::text from pg_inherits where inhparent = 'jobs_event'::regclass
order by 1
"""
