"""The system's own log: who signed in, who may do what, what was set up and maintained.

Its events are those of a job of the kind `system` for each calendar month, with the same append,
chain, feed, seals, history page and export as any job's. Nobody runs or steers that job, and only
those who see everything see it: auditors and staff. An event commits with the change that it
tells of, or not at all.

`changes` hears of changes to models by Django's signals, whatever makes them; what tells no
signal, because it writes many rows in one statement, calls `record` itself.
"""

from jobs.system_log.actor import acting_as, actor_of_request, current_actor
from jobs.system_log.stream import close_past_months, record, record_together, unrecorded

__all__ = [
    "acting_as",
    "actor_of_request",
    "close_past_months",
    "current_actor",
    "record",
    "record_together",
    "unrecorded",
]
