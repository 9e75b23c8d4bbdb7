"""What the sweeper does: it happens in the end, even if a process died. Every pass is idempotent.

The sweeper makes a duty of each (`jobs.queue.maintenance`), so that one that fails stops no other.
"""

from __future__ import annotations

from collections.abc import Callable

from jobs.access import throttle
from jobs.log import months
from jobs.queue import dispatch, limits, live_workers, rescue, unknown_kinds

OFTEN: dict[str, Callable[[], object]] = {
    "claims": rescue.release_ended,
    "rescue": rescue.deliver_due,
    "limits": limits.wake_all,
    "kinds": unknown_kinds.Notice().tell,
}
"""What comes every few seconds, by the name of its duty."""

SELDOM = {
    "partitions": months.make_ahead,
    "deliveries": dispatch.forget_dead_deliveries,
    "sign-ins": throttle.forget_drained,
    "workers": live_workers.forget_silent,
}
"""What comes every few minutes."""
