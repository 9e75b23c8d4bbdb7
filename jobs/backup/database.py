"""Connections to the database that a backup is of, and to restored ones."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.db import PRIMARY, TARGET, WRITES

Opened = psycopg.Connection[tuple[Any, ...]]


def open_database(url: str) -> Opened:
    """Open a connection; psycopg.OperationalError if it does not answer."""
    # The session of a drill is read-only itself: no server would do.
    does = {TARGET: PRIMARY} if conninfo_to_dict(url).get(TARGET) == WRITES else {}
    return psycopg.connect(make_conninfo(url, application_name="reprise-backup", **does))
