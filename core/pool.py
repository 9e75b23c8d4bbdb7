"""What Django's pool of connections is told, so that it notices the end of an outage at once.

By itself psycopg_pool gives a connection up after some tries, and tries again when the next request
comes, also for those who wait already. And if Postgres was restarted while the pool was idle, it
finds its connections broken one by one, with growing pauses between: with five of them a request
waits for ten seconds and fails. https://www.psycopg.org/psycopg3/docs/advanced/pool.html
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, Cursor, OperationalError
from psycopg_pool import ConnectionPool


class PooledConnection(Connection[Any]):
    """A connection that has its pool replace all others that it keeps when it is found broken."""

    def execute(self, *args: Any, **kwargs: Any) -> Cursor[Any]:
        """Execute a query. The pool's own check does so; Django uses cursors."""
        try:
            return super().execute(*args, **kwargs)
        except OperationalError:
            if self.closed and isinstance(self._pool, ConnectionPool):
                self._pool.drain()
            raise


OPTIONS: dict[str, Any] = {
    "min_size": 1,
    "max_size": 16,
    "timeout": 10,
    "connection_class": PooledConnection,
    # Tries lie a second apart for so long; then `check` begins anew, until there is a connection.
    "reconnect_timeout": 2,
    "reconnect_failed": ConnectionPool.check,
}
