"""The settings that a process starts with: once in a month, and again where they have changed.

Values of secrets are not recorded, only whether they are set; of storages, which may have keys
among their options, the class alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import Error, connection

from core import clock
from core.config import SECRET
from core.db import leave_pool
from jobs.events import EventType, parse_stored
from jobs.log.months import Month
from jobs.log.read import newest_of_type
from jobs.system_log.stream import record, stream_id

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0


def record_settings(process: str) -> None:
    """Record the settings of a process (`web`, `worker` …), unless they are known."""
    shown, known = shown_settings(), _known_settings(process)
    if known == shown:
        return
    changed = [name for name in shown if known is not None and known.get(name) != shown[name]]
    record(EventType.SYSTEM_CONFIGURED, process=process, settings=shown, changed=changed)


def record_settings_soon(process: str) -> None:
    """Do so in a thread, which tries again while the database is away."""
    threading.Thread(target=_record_until_done, args=(process,), daemon=True).start()


def shown_settings() -> dict[str, Any]:
    """Return the settings as they are recorded: JSON values by name."""
    return {name: _shown(name, value) for name, value in settings.REPRISE}


def _shown(name: str, value: Any) -> Any:
    if name in SECRET:
        return "set" if value else ""
    if isinstance(value, Mapping) and "BACKEND" in value:
        return value["BACKEND"]
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {key: _shown("", one) for key, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return list(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _known_settings(process: str) -> Mapping[str, Any] | None:
    """Return what the month's log last says of such a process; None if it says nothing."""
    stream = stream_id(Month.of(clock.now()))
    for text in newest_of_type(stream, EventType.SYSTEM_CONFIGURED):
        data = parse_stored(text).data
        if data["process"] == process:
            found: Mapping[str, Any] = data["settings"]
            return found
    return None


def _record_until_done(process: str) -> None:
    leave_pool()
    while True:
        try:
            record_settings(process)
            return
        except Error as error:
            logger.warning("settings not recorded: %s", error, extra={"action": "settings"})
            time.sleep(RETRY_SECONDS)
        finally:
            connection.close()
