"""Webhooks: what ended, and what waits for an approval, told to one address by POST.

The body is JSON: `{"job","kind","title","status","event"}`, `event` as stored. The header
`Idempotency-Key: <job>/<seq>` is the same however often an event is sent; with a secret,
`X-Reprise-Signature: sha256=<hex digits>` is the HMAC of the body's bytes.

Events are sent in order, one at a time. What the other side may get over (no connection, no answer,
5xx, 429) is tried again later and holds up those that follow; what it refuses is logged and passed
over.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Sequence

import httpx
from django.conf import settings

from core.errors import RepriseError
from jobs.events import EventType
from jobs.feed import FeedEvent
from jobs.models import Job

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
STATUSES: dict[str, str] = {
    EventType.JOB_SUCCEEDED: "succeeded",
    EventType.JOB_FAILED: "failed",
    EventType.JOB_CANCELLED: "cancelled",
    EventType.JOB_APPROVAL_REQUESTED: "waiting",
}
TYPES = frozenset(STATUSES)
_LATER = frozenset({408, 425, 429})


class WebhookUnanswered(RepriseError):
    """The address of the webhooks does not take them now."""

    code = "webhook_unanswered"


def handle(events: Sequence[FeedEvent]) -> None:
    """Send events; WebhookUnanswered where one has to be sent again."""
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
        for event in events:
            _send(client, event)


def _send(client: httpx.Client, event: FeedEvent) -> None:
    body = body_of(event)
    try:
        answer = client.post(
            settings.REPRISE.webhook_url, content=body, headers=headers_of(event, body)
        )
    except httpx.TransportError as error:
        raise WebhookUnanswered(f"No answer to {event.job}/{event.seq}: {error!r}") from error
    if answer.status_code >= 500 or answer.status_code in _LATER:
        raise WebhookUnanswered(f"{event.job}/{event.seq} was answered {answer.status_code}.")
    if not answer.is_success:
        where = {"action": "webhook", "job": str(event.job), "seq": event.seq}
        logger.warning("webhook refused with %d: passed over", answer.status_code, extra=where)


def body_of(event: FeedEvent) -> bytes:
    """Return the body of an event's POST; the event's own text is in it byte for byte."""
    job = Job.objects.only("kind", "title").get(pk=event.job)
    type_ = json.loads(event.text)["type"]
    head = {"job": str(event.job), "kind": job.kind, "title": job.title, "status": STATUSES[type_]}
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "event": {event.text}}}'.encode()


def headers_of(event: FeedEvent, body: bytes) -> dict[str, str]:
    """Return the headers of an event's POST, its signature where there is a secret."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"{event.job}/{event.seq}"}
    if secret := settings.REPRISE.webhook_secret:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers["X-Reprise-Signature"] = f"sha256={digest}"
    return headers
