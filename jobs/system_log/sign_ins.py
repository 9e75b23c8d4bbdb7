"""Sign-ins, those that failed, and sign-outs.

A failure is recorded when it is counted (`jobs.access.throttle`), and says how long the next
attempt has to wait. Attempts that have to wait are refused unrecorded: nobody who guesses fills
the log.
"""

from __future__ import annotations

import math
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest

from jobs.events import EventType
from jobs.system_log.actor import acting_as
from jobs.system_log.stream import record


def connect_signals() -> None:
    """Hear of who signs in and out by whatever way; to be called once, when the app is ready."""
    user_logged_in.connect(_record_sign_in)
    user_logged_out.connect(_record_sign_out)


def record_failed_sign_in(name: str, address: str, wait_seconds: float, proof: str) -> None:
    """Record that a password, or the code after it, was wrong.

    `name` must not be what was typed if it is nobody's.
    """
    wait = {"wait_seconds": math.ceil(wait_seconds)} if wait_seconds else {}
    factor = {} if proof == "password" else {"proof": proof}
    record(EventType.SYSTEM_SIGN_IN_FAILED, user=name, address=address, **factor, **wait)


def _record_sign_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    address = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    with acting_as(f"user:{user.get_username()}"):
        record(EventType.SYSTEM_SIGNED_IN, user=user.get_username(), address=address)


def _record_sign_out(user: User | None, **_: Any) -> None:
    if user is not None:
        with acting_as(f"user:{user.get_username()}"):
            record(EventType.SYSTEM_SIGNED_OUT, user=user.get_username())
