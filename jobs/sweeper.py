"""What the sweeper does: it happens in the end, even if a process died. Every pass is idempotent.

The sweeper makes a duty of each (`jobs.queue.maintenance`), so that one that fails stops no other.
"""

from __future__ import annotations

from collections.abc import Callable

from jobs import system_log
from jobs.access import sessions, throttle, tickets
from jobs.access.sso import recheck
from jobs.access.sso import sessions as provider_sessions
from jobs.log import months
from jobs.notices import outbox, send, stuck
from jobs.queue import dispatch, limits, live_workers, rescue

OFTEN: dict[str, Callable[[], object]] = {
    "claims": rescue.release_ended,
    "rescue": rescue.deliver_due,
    "limits": limits.wake_all,
    "kinds": live_workers.Notice().tell,
    "stuck": stuck.find_stuck,
}
"""What comes every few seconds, by the name of its duty."""

NOTICES: dict[str, Callable[[], object]] = {
    "notices": send.send_mail,
    "notices-elsewhere": send.send_elsewhere,
}
"""What comes every second, each in a thread of its own: other servers may be slow."""

SELDOM: dict[str, Callable[[], object]] = {
    "partitions": months.make_ahead,
    "deliveries": lambda: dispatch.current_engine().forget_dead_deliveries(),
    "sign-ins": throttle.forget_drained,
    "sessions": sessions.forget_ended,
    "tickets": tickets.forget_expired,
    "single-sign-on-sessions": provider_sessions.forget_ended,
    "single-sign-on-rights": recheck.withdraw_unconfirmed,
    "workers": live_workers.forget_silent,
    "old-notices": outbox.forget_old,
    "system-log": system_log.close_past_months,
}
"""What comes every few minutes."""
