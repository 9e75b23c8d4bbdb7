"""What daphne and Twisted say of themselves, as lines of the process's log where that is JSON.

Otherwise daphne writes a line for each answer to standard output, in a form of its own.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from twisted.logger import STDLibLogObserver, globalLogBeginner

logger = logging.getLogger(__name__)

# daphne tells of the others where it no longer knows which request it is.
_TOLD = {("http", "complete"), ("websocket", "connected"), ("websocket", "rejected")}


def is_wanted() -> bool:
    """Return whether the log is JSON."""
    return bool(settings.REPRISE.log_format == "json")


def observe_twisted() -> None:
    """Have what Twisted logs, errors that nobody has handled among it, go to Python's logging."""
    observer: Any = STDLibLogObserver("twisted")  # its types do not fit each other
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def log_answer(protocol: str, action: str, details: dict[str, Any]) -> None:
    """Log an answer, or a WebSocket that was let in or not; daphne's "action logger"."""
    if (protocol, action) not in _TOLD:
        return
    method, path = details.get("method", f"WebSocket {action}"), details["path"]
    extra = {"action": "request", "method": method, "path": path, "client": details["client"]}
    if "status" in details:
        extra |= {"status": details["status"], "ms": round(details["time_taken"] * 1000, 1)}
    logger.info("%s %s", method, path, extra=extra)
