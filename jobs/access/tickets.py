"""Tickets: signed permits to follow one job for a moment, for a page of another origin.

A ticket says who made it and by which session or token, and is worth what these are worth when it
is shown: anyone who signs out, is revoked or leaves the team takes their tickets along. It lies in
addresses, which logs keep, so it lasts only as long as opening a connection takes, and has nothing
in it that opens more: the session's key is encrypted.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from django.contrib.auth.models import User
from django.core import signing
from django.utils.crypto import salted_hmac

from core import clock
from core.errors import NotFound, NotSignedIn
from jobs.access import revalidate
from jobs.access.visibility import Principal

SALT = "reprise.ticket"
_IN_ADDRESS = re.compile(r"([?&]ticket=)[^&#]*")


def make_ticket(principal: Principal, job_id: UUID, seconds: float) -> tuple[str, datetime]:
    """Return a ticket for a job that the principal may see, and when it ends."""
    expires_at = clock.now() + timedelta(seconds=seconds)
    said = {
        "job": job_id.hex,
        "user": principal.user.pk,
        "actor": principal.actor,
        "token": principal.token,
        "session": principal.session and _secret_box().encrypt(principal.session.encode()).decode(),
        "until": expires_at.timestamp(),
    }
    return signing.dumps(said, salt=SALT), expires_at


def verify_ticket(raw: str, job_id: UUID) -> Principal:
    """Return who made a ticket, as they stand now.

    Raises NotSignedIn if it is not one of ours, has expired, or what it was made by has ended;
    NotFound if it is for another job, or the job is no longer theirs to see.
    """
    principal = _read_principal(raw, job_id)
    [refusal] = revalidate.find_refusals([(principal, job_id)])
    if isinstance(refusal, NotSignedIn):
        raise refusal
    if refusal is not None:
        raise NotFound
    return principal


def mask_ticket(address: str) -> str:
    """Return an address as a log may have it: without the ticket."""
    return _IN_ADDRESS.sub(r"\1…", address)


def _read_principal(raw: str, job_id: UUID) -> Principal:
    try:
        said: dict[str, Any] = signing.loads(raw, salt=SALT)
        session = said["session"] and _secret_box().decrypt(said["session"].encode()).decode()
    except (signing.BadSignature, InvalidToken):
        raise NotSignedIn("The ticket is not valid.") from None
    if said["until"] <= clock.now().timestamp():
        raise NotSignedIn("The ticket has expired. Request another.")
    if said["job"] != job_id.hex:
        raise NotFound
    user = User.objects.filter(pk=said["user"]).first()
    if user is None:
        raise NotSignedIn("The ticket is not valid.")
    return Principal(user, said["actor"], session=session, token=said["token"])


def _secret_box() -> Fernet:
    key = salted_hmac(SALT, "session", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
