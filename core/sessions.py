"""What a session is stored under, so that a dump of the database signs nobody in."""

from __future__ import annotations

from hashlib import sha256


def hash_session_key(key: str) -> str:
    """Return what a session is stored under, as long as the column takes: 160 bits in hex."""
    return sha256(key.encode()).hexdigest()[:40]
