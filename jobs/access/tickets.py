"""Tickets: signed permits to follow one job for a moment, for a page of another origin.

A ticket says who made it and by which session or token, and is worth what these are worth when it
is shown: anyone who signs out, is revoked or leaves the team takes their tickets along. It lies in
addresses, which logs keep, so it opens one connection, lasts only as long as that takes, and has
nothing in it that opens more: the session's key is encrypted. Which ones have been used is in the
database, where all processes see it.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cryptography.fernet import Fernet, InvalidToken
from django.contrib.auth.models import User
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from core import clock
from core.errors import NotFound, NotSignedIn
from jobs.access import revalidate
from jobs.access.visibility import Principal, of_token
from jobs.models import ApiToken, UsedTicket

# Tickets of before they were used once had another one: they have no id.
SALT = "reprise.ticket.once"
# So long a used ticket is remembered after its end, since clocks of hosts differ.
KEPT_AFTER_END = timedelta(hours=1)
_IN_ADDRESS = re.compile(r"([?&]ticket=)[^&#]*")


def make_ticket(principal: Principal, job_id: UUID, seconds: float) -> tuple[str, datetime]:
    """Return a ticket for a job that the principal may see, and when it ends."""
    expires_at = clock.now() + timedelta(seconds=seconds)
    said = {
        "id": uuid4().hex,
        "job": job_id.hex,
        "user": principal.user.pk,
        "actor": principal.actor,
        "token": principal.token,
        "session": principal.session and _secret_box().encrypt(principal.session.encode()).decode(),
        "until": expires_at.timestamp(),
    }
    return signing.dumps(said, salt=SALT), expires_at


def redeem_ticket(raw: str, job_id: UUID) -> Principal:
    """Use a ticket up; return who made it, as they stand now.

    Raises NotSignedIn if it is not one of ours, has been used or has expired, or what it was made
    by has ended; NotFound if it is for another job, or the job is no longer theirs to see.
    """
    said = _read_ticket(raw, job_id)
    principal = _principal_of(said)
    [refusal] = revalidate.find_refusals([(principal, job_id)])
    if isinstance(refusal, NotSignedIn):
        raise refusal
    if refusal is not None:
        raise NotFound
    _mark_used(said)
    return principal


def forget_expired() -> int:
    """Delete the used tickets that would be refused anyway; return how many."""
    ended = UsedTicket.objects.filter(ends_at__lt=clock.now() - KEPT_AFTER_END)
    return ended.delete()[0]


def mask_ticket(address: str) -> str:
    """Return an address as a log may have it: without the ticket."""
    return _IN_ADDRESS.sub(r"\1…", address)


def _read_ticket(raw: str, job_id: UUID) -> dict[str, Any]:
    try:
        said: dict[str, Any] = signing.loads(raw, salt=SALT)
    except signing.BadSignature:
        raise NotSignedIn("The ticket is not valid.") from None
    if said["until"] <= clock.now().timestamp():
        raise NotSignedIn("The ticket has expired. Request another.")
    if said["job"] != job_id.hex:
        raise NotFound
    return said


def _principal_of(said: dict[str, Any]) -> Principal:
    if said["token"] is not None:
        return _principal_of_token(said["token"])
    user = User.objects.filter(pk=said["user"]).first()
    try:
        session = said["session"] and _secret_box().decrypt(said["session"].encode()).decode()
    except InvalidToken:
        user = None
    if user is None:
        raise NotSignedIn("The ticket is not valid.")
    return Principal(user, said["actor"], session=session)


def _principal_of_token(number: int) -> Principal:
    token = ApiToken.objects.select_related("user").filter(pk=number).first()
    if token is None:
        raise NotSignedIn("The ticket is not valid.")
    return of_token(token)


def _mark_used(said: dict[str, Any]) -> None:
    ends_at = datetime.fromtimestamp(said["until"], UTC)
    try:
        with transaction.atomic():
            UsedTicket.objects.create(pk=UUID(said["id"]), ends_at=ends_at)
    except IntegrityError:
        raise NotSignedIn("The ticket has been used. Request another.") from None


def _secret_box() -> Fernet:
    key = salted_hmac(SALT, "session", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
