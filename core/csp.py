"""`/csp-report`: browsers say here what the content security policy kept out.

None should ever come: each one is a page that does what the policy forbids, or an injection that
it stopped. Anybody can post here, so what is kept is small: a count, and a log line now and then.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

logger = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024
MAX_VALUE_CHARACTERS = 200
LOGGED_A_MINUTE = 30
_SHOWN = ("document-uri", "effective-directive", "violated-directive", "blocked-uri", "source-file")


class _Tally:
    """How many reports this process has taken, and which of them may be logged."""

    def __init__(self) -> None:
        self.count = 0
        self._minute = 0
        self._logged = 0
        self._lock = threading.Lock()

    def add(self) -> bool:
        """Count one; return whether it may be logged."""
        minute = int(time.monotonic() // 60)
        with self._lock:
            self.count += 1
            if minute != self._minute:
                self._minute, self._logged = minute, 0
            self._logged += 1
            return self._logged <= LOGGED_A_MINUTE


_tally = _Tally()


def reports() -> int:
    """Return how many reports this process has taken since it started."""
    return _tally.count


@csrf_exempt
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Take one report (`application/csp-report`): count it, log it as a warning, answer 204."""
    try:
        body = request.body
    except (RequestDataTooBig, UnreadablePostError):
        body = b""
    if _tally.add():
        logger.warning(
            "content security policy violated: %s", _summary(body), extra={"action": "csp_report"}
        )
    return HttpResponse(status=204)


def _summary(body: bytes) -> str:
    """Return the report's telling members as one short line of ASCII: a stranger wrote it."""
    try:
        raw: Any = json.loads(body) if len(body) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        raw = None
    inner = raw.get("csp-report") if isinstance(raw, dict) else None
    if not isinstance(inner, dict):
        return f"unreadable ({len(body)} bytes)"
    shown = {name: str(inner[name])[:MAX_VALUE_CHARACTERS] for name in _SHOWN if name in inner}
    return json.dumps(shown)
