"""What `reprise-admin doctor` and a web process tell each other about one request.

The doctor proves by a signature that it has the installation's key; a web process then says how its
request arrived. Both sides are here, so that neither imports the other.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.core import signing
from django.http import HttpRequest

PATH = "/api/jobs/doctor/stream"
"""Where a stream of events is: proxies are told by the path what not to hold."""

HEADER = "X-Reprise-Doctor"
HOLD_SECONDS = 3.0
"""How long the answer's end comes after its beginning."""

_SALT = "reprise.doctor"
_VALID_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as the service sees it, and what proxies wrote into it."""

    scheme: str
    host: str
    client: str
    forwarded_for: str
    forwarded_proto: str


def make_proof() -> str:
    """Return what HEADER has to say for the next minute."""
    return signing.dumps(secrets.token_urlsafe(8), salt=_SALT)


def is_proven(request: HttpRequest) -> bool:
    """Return whether a request comes from somebody with the installation's key."""
    try:
        signing.loads(request.headers.get(HEADER, ""), salt=_SALT, max_age=_VALID_SECONDS)
    except signing.BadSignature:
        return False
    return True


def describe_arrival(request: HttpRequest) -> Arrival:
    """Return how a request arrived."""
    return Arrival(
        scheme=request.scheme or "http",
        host=request.headers.get("Host", ""),
        client=str(request.META.get("REMOTE_ADDR", "")),
        forwarded_for=request.headers.get("X-Forwarded-For", ""),
        forwarded_proto=request.headers.get("X-Forwarded-Proto", ""),
    )
