"""Webhooks: what ended, and what waits for an approval, told to one address by POST.

The body is JSON: `{"job","kind","title","status","event"}`, `event` as stored. The header
`Idempotency-Key: <job>/<seq>` is the same however often an event is sent. With a secret, a request
is signed as the Standard Webhooks specification says (`webhook-id`, `webhook-timestamp`,
`webhook-signature`), so that receivers can refuse replays; `X-Reprise-Signature: sha256=<hex
digits>`, the HMAC of the body alone, stays for receivers from before.

Events are sent in order, one at a time. What the other side may get over (no connection, no answer,
5xx, 429) is tried again later and holds up those that follow; what it refuses is logged, counted
and passed over. Only the status of an answer is read, and that has to come within ten seconds in
all, however busily the other side sends something else.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx
from django.conf import settings
from standardwebhooks import Webhook

from core import clock
from core.errors import RepriseError
from jobs.events import EventType
from jobs.feed import FeedEvent, LeftOut
from jobs.models import Job

TIMEOUT_SECONDS = 10.0
STATUSES: dict[str, str] = {
    EventType.JOB_SUCCEEDED: "succeeded",
    EventType.JOB_FAILED: "failed",
    EventType.JOB_CANCELLED: "cancelled",
    EventType.JOB_APPROVAL_REQUESTED: "waiting",
}
TYPES = frozenset(STATUSES)
BASE64_PREFIX = "whsec_"
_LATER = frozenset({408, 425, 429})


class WebhookUnanswered(RepriseError):
    """The address of the webhooks does not take them now."""

    code = "webhook_unanswered"


def handle_events(events: Sequence[FeedEvent], *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Send events. Raises WebhookUnanswered for one to send again, LeftOut for one refused."""
    for event in events:
        _send_event(event, timeout)


def _send_event(event: FeedEvent, timeout: float) -> None:
    body, place = body_of(event), f"{event.job}/{event.seq}"
    try:
        status = asyncio.run(_post_body(body, headers_of(event, body), timeout))
    except TimeoutError as error:
        message = f"No answer to {place} within {timeout:g} s."
        raise WebhookUnanswered(message) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WebhookUnanswered(f"No answer to {place}: {error!r}") from error
    if status >= 500 or status in _LATER:
        raise WebhookUnanswered(f"{place} was answered {status}.")
    if not 200 <= status < 300:
        raise LeftOut(f"webhook refused with {status}: {place} is passed over.")


async def _post_body(body: bytes, headers: Mapping[str, str], timeout: float) -> int:
    """Return the status of the answer, whose body is not read."""
    config = settings.REPRISE
    async with (
        asyncio.timeout(timeout),
        httpx.AsyncClient(timeout=timeout, follow_redirects=False) as client,
        client.stream("POST", config.webhook_url, content=body, headers=headers) as answer,
    ):
        return answer.status_code


def body_of(event: FeedEvent) -> bytes:
    """Return the body of an event's POST; the event's own text is in it byte for byte."""
    job = Job.objects.only("kind", "title").get(pk=event.job)
    type_ = json.loads(event.text)["type"]
    head = {"job": str(event.job), "kind": job.kind, "title": job.title, "status": STATUSES[type_]}
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "event": {event.text}}}'.encode()


def headers_of(event: FeedEvent, body: bytes) -> dict[str, str]:
    """Return the headers of an event's POST, with its signatures if there is a secret."""
    id_ = f"{event.job}/{event.seq}"
    headers = {"Content-Type": "application/json", "Idempotency-Key": id_}
    if secret := settings.REPRISE.webhook_secret:
        headers |= sign_request(secret, id_, body, clock.now())
    return headers


def sign_request(secret: str, id_: str, body: bytes, at: datetime) -> dict[str, str]:
    """Return the headers that sign a request sent `at` this moment (in UTC).

    After `whsec_` the key is base64; any other secret is the key itself, in UTF-8.
    """
    key = secret if secret.startswith(BASE64_PREFIX) else secret.encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(id_, at, body.decode()),
        "X-Reprise-Signature": f"sha256={digest}",
    }
