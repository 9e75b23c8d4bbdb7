"""The sequencer: gives every event its position in the feed of all jobs.

Identities and transaction ids are taken before a commit, so reading "what is after my last
identity" misses whatever commits late. The sequencer waits the doubt out: it takes the events of
transactions between its last horizon and the oldest one still running, gives each job's events in
that job's order, and writes `feed(position, job, seq)`.

Transaction ids belong to a cluster. After a dump was restored into another one, those stored may
lie far ahead of its counter, or mean other transactions. The first pass there feeds all that is
committed and not fed yet, job by job, and starts from a new horizon.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from jobs.feed import hints
from jobs.log.sql import change_rows, fetch_rows

# Several sweepers may run; one at a time sequences.
_STATE = """
select horizon, position, pg_snapshot_xmin(pg_current_snapshot()),
       cluster is not distinct from (select system_identifier from pg_control_system())
from jobs_feed_state for update skip locked
"""

# Of each job met between the horizons: everything from where the feed stands to the highest seq
# met. What lies between is committed (the job row's lock), even where its xid is past the horizon;
# what a later window meets again is skipped, because the feed already stands beyond it.
_TAKE = """
with met as (
  select job, max(seq) as top from jobs_event where xid >= %(low)s and xid < %(high)s group by job
), due as (
  select event.job, event.seq, event.id
  from met
  cross join lateral (select coalesce(max(seq), 0) as fed from jobs_feed f where f.job = met.job) f
  join jobs_event event on event.job = met.job and event.seq > f.fed and event.seq <= met.top
)
insert into jobs_feed (position, job, seq)
select %(position)s + row_number() over (order by id), job, seq from due
"""

_SAVE = "update jobs_feed_state set horizon = %s, position = %s"

# Whatever is committed by now: of each job the events that its row counts are, without a gap. Its
# transactions that are still open have ids from the horizon of the statement before on.
_TAKE_ALL = """
with due as (
  select event.job, event.seq, event.id
  from jobs_job job
  cross join lateral (select coalesce(max(seq), 0) as fed from jobs_feed f where f.job = job.id) f
  join jobs_event event on event.job = job.id and event.seq > f.fed
  where job.head > f.fed
)
insert into jobs_feed (position, job, seq)
select %(position)s + row_number() over (order by id), job, seq from due
"""

# Events of transactions that this cluster has not begun yet are another's, and were just fed. A
# later window meets them and finds them fed; the lag leaves them out by their identity.
_SETTLE = """
update jobs_feed_state set horizon = %s, position = %s,
  cluster = (select system_identifier from pg_control_system()),
  settled_id = (select coalesce(max(id), 0) from jobs_event
                where xid >= pg_snapshot_xmax(pg_current_snapshot()))
"""

_LAG = """
select cluster is not distinct from (select system_identifier from pg_control_system()),
       coalesce(extract(epoch from clock_timestamp() - (
         select min(at) from jobs_event
         where xid >= horizon and xid < pg_snapshot_xmax(pg_current_snapshot())
           and id > settled_id)), 0)
from jobs_feed_state
"""

_LAG_BEFORE_SETTLED = """
select coalesce(extract(epoch from clock_timestamp() - min(job.last_at)), 0)
from jobs_job job
where job.head > (select coalesce(max(seq), 0) from jobs_feed f where f.job = job.id)
"""


def sequence_events() -> int:
    """Give positions to all events whose order is certain by now; return how many."""
    with transaction.atomic():
        rows = fetch_rows(_STATE)
        if not rows:
            return 0  # another sequencer is at it
        low, position, high, known = rows[0]
        if not known:
            return _sequence_settled(position, high)
        fed = change_rows(_TAKE, {"low": low, "high": high, "position": position})
        change_rows(_SAVE, [high, position + fed])
        if fed:
            hints.publish_moved(position + fed)
    return fed


def lag_seconds() -> float:
    """Return the age of the oldest event that the feed does not have yet; 0 for none.

    Before the first pass in a restored database: the age of the least recent job's newest event.
    """
    rows = fetch_rows(_LAG)
    if not rows:
        return 0.0
    known, seconds = rows[0]
    if not known:
        [(seconds,)] = fetch_rows(_LAG_BEFORE_SETTLED)
    return float(seconds)


def _sequence_settled(position: int, horizon: Any) -> int:
    """Feed everything that is not fed, and count transactions by this cluster from now on."""
    fed = change_rows(_TAKE_ALL, {"position": position})
    change_rows(_SETTLE, [horizon, position + fed])
    hints.publish_moved(position + fed)
    return fed
