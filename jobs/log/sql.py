"""Every statement on events and on the folded columns of the job row (the feed has its own).

`fetch_rows` and `change_rows` execute one over Django's connection, this module's and others'.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

Values = Sequence[Any] | Mapping[str, Any] | None

_TIME = "to_char({0} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
_TIMES = ", ".join(map(_TIME.format, ("submitted_at", "started_at", "finished_at", "last_at")))

# Two statements in one round trip. The second has a snapshot of its own, after the lock: the clock
# is read, and an earlier try of the same batch seen, as of a moment at which nobody else can append
# to these jobs.
_LOCK_AND_LOOK = """
select id, fence, status, done, total, failed, attempt, head, encode(head_hash, 'hex'),
       {times}, message, waiting_for
from jobs_job where id = any(%s::uuid[]) order by id for no key update {waiting};
select {now}, array(
  select array[job::text, append_id::text, seq::text] from jobs_event
  where job = any(%s::uuid[]) and append_id = any(%s::uuid[])
)
"""
_NOW = _TIME.format("clock_timestamp()")
LOCK_AND_LOOK = _LOCK_AND_LOOK.format(times=_TIMES, now=_NOW, waiting="")
LOCK_FREE_AND_LOOK = _LOCK_AND_LOOK.format(times=_TIMES, now=_NOW, waiting="skip locked")

_INSERT = """
insert into jobs_event (job, seq, at, type, actor, target, text, append_id)
select job, seq, at, type, actor, target, text, append_id
from unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::uuid[])
     with ordinality as new (job, seq, at, type, actor, target, text, append_id, place)
{where} order by place
"""
# Most events move a job's head and nothing else; those that do more are seldom. A row is updated
# once: by the one or by the other.
_MOVE_HEADS = """
update jobs_job as j set head = new.head, head_hash = decode(new.head_hash, 'hex'),
  last_at = new.last_at
from unnest(%s::uuid[], %s::bigint[], %s::text[], %s::timestamptz[])
     as new (id, head, head_hash, last_at)
where j.id = new.id {also}
"""
_CHANGE_ROWS = """
update jobs_job as j set
  head = new.head, head_hash = decode(new.head_hash, 'hex'), last_at = new.last_at,
  status = new.status, done = new.done, total = new.total, failed = new.failed,
  attempt = new.attempt, submitted_at = new.submitted_at, started_at = new.started_at,
  finished_at = new.finished_at, message = new.message, waiting_for = new.waiting_for,
  parked = new.parked, due_at = new.due_at,
  lease_until = case when new.finished_at is null then j.lease_until end
from unnest(%s::uuid[], %s::bigint[], %s::text[], %s::timestamptz[],
            %s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[],
            %s::timestamptz[], %s::timestamptz[], %s::text[], %s::jsonb[], %s::bool[],
            %s::timestamptz[])
     as new (id, head, head_hash, last_at, status, done, total, failed, attempt, submitted_at,
             started_at, finished_at, message, waiting_for, parked, due_at)
where j.id = new.id {also}
"""
WRITE_EVENTS = _INSERT.format(where="")
WRITE_HEADS = ";" + _MOVE_HEADS.format(also="")
WRITE_ROWS = ";" + _CHANGE_ROWS.format(also="")

# The same in one statement, for rows of which the writer knows what they are: those that are still
# so are locked and written, the others (another head or fence, or locked) are left as they are.
_GO_ON = """
with held as materialized (
  select job.id from jobs_job as job
  join unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[])
    as known (id, fence, head, head_hash)
    on known.id = job.id and known.fence = job.fence and known.head = job.head
       and decode(known.head_hash, 'hex') = job.head_hash
  order by job.id for no key update of job skip locked
), stored as ({insert}){moved}{changed}
select id, {now} from held
"""


def go_on(*, heads: bool, rows: bool) -> str:
    """Return the statement that writes to known rows: their heads, more of them, or both."""
    also = "and j.id in (select id from held)"
    return _GO_ON.format(
        insert=_INSERT.format(where="where new.job in (select id from held)"),
        moved=f", moved as ({_MOVE_HEADS.format(also=also)})" if heads else "",
        changed=f", changed as ({_CHANGE_ROWS.format(also=also)})" if rows else "",
        now=_NOW,
    )


# seq is gapless, so a page is a range and needs no LIMIT. psycopg sends a small int as a smallint:
# without the cast their sum overflows past 32,767. Where any event is large there are no lines, and
# LARGE_PAGE is asked: an index has those, mostly none, and 1,000 others are less than PAGE_BYTES.
_RANGE = "job = %(job)s and seq > %(after)s and seq <= %(after)s::bigint + %(limit)s"
PAGE = f"""
with found as materialized (
  select exists (select from jobs_event where {_RANGE} and octet_length(text) > 4096) as large
)
select (select large from found),
       coalesce(max(seq), %(after)s), coalesce(string_agg(text, E'\\n' order by seq), '')
from jobs_event
where {_RANGE} and not (select large from found)
"""  # noqa: S608 - a constant of this module, values are bound

# The page ends with the event that brings it to so many bytes.
LARGE_PAGE = f"""
select coalesce(bool_or(before >= %(bytes)s), false),
       coalesce(max(seq) filter (where before < %(bytes)s), %(after)s),
       coalesce(string_agg(text, E'\\n' order by seq) filter (where before < %(bytes)s), '')
from (
  select seq, text, sum(octet_length(text)) over (order by seq rows unbounded preceding)
                    - octet_length(text) as before
  from jobs_event where {_RANGE}
) as counted
"""  # noqa: S608 - as above

# From the attempt on in which the run last got on: a step ended there, or it parked itself.
ATTEMPTS = """
with progress as (
  select coalesce(max(seq), 0) as seq from jobs_event where job = %(job)s
    and (type in ('step.succeeded', 'step.failed', 'step.retried', 'step.skipped')
         or type in ('job.waiting', 'job.approval_requested') and actor like 'worker:%%')
), since as (
  select coalesce(max(event.seq), 0) as seq from jobs_event event, progress
  where event.job = %(job)s and event.type = 'attempt.started' and event.seq < progress.seq
)
select text from jobs_event
where job = %(job)s and type in ('attempt.started', 'job.waiting')
  and seq >= (select seq from since)
order by seq
"""

BATCH = "select seq, text from jobs_event where job = %s and seq between %s and %s order by seq"

PRINTED = """
select coalesce(sum(length(text::json #>> '{data,text}')), 0) from jobs_event
where job = %s and type = 'step.output'
"""

NEWEST_OF_TYPE = """
select text from jobs_event where job = %s and type = %s order by seq desc limit %s
"""

HEADS = "select id, head, encode(head_hash, 'hex'), status from jobs_job where id = any(%s)"

# Of many events at once: `any` of an array is one probe of the index for each.
HASHES_AT = """
select seq, substring(right(text, 66) for 64) from jobs_event
where job = %s and seq = any(%s::bigint[])
"""

HASH_AT = "select substring(right(text, 66) for 64) from jobs_event where job = %s and seq = %s"

MAKE_MONTH = "select jobs_make_month(%s)"
MONTHS = """
select inhrelid::regclass::text from pg_inherits where inhparent = 'jobs_event'::regclass
order by 1
"""


def fetch_rows(statement: str, values: Values = None) -> list[tuple[Any, ...]]:
    """Return the rows of a statement, over Django's connection."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def change_rows(statement: str, values: Values = None) -> int:
    """Execute a statement that returns no rows; return how many it has changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def array_text(values: Iterable[object]) -> str:
    """Return the values as the text of a Postgres array; None is null.

    psycopg makes arrays an element at a time, in Python: a third of what an append of one event
    cost. https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    return "{" + ",".join(map(_element_text, values)) + "}"


def _element_text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
