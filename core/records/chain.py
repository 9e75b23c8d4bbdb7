"""The hash chain of a job's events, text by text. Pure.

The *body* is an event's JSON text without `hash`. The *text* is the body less its final `}`, then
`,"hash":"<64 hex digits>"}`: SHA-256 over the 32 raw bytes of the previous event's hash and then
the body. Before seq 1 stands SHA-256 of the job id's 16 bytes.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

_HASH_MEMBER = len(',"hash":"') + 64 + len('"}')


def first_hash(job: UUID) -> bytes:
    """Return what stands in the chain before a job's first event."""
    return hashlib.sha256(job.bytes).digest()


def next_hash(previous: bytes, body: bytes) -> bytes:
    """Return the chain's next link: SHA-256 over the previous hash (32 bytes) and the body."""
    return hashlib.sha256(previous + body).digest()


def with_hash(body: str, digest: bytes) -> str:
    """Return the text to store and send: the body with `hash` as its last member."""
    return f'{body[:-1]},"hash":"{digest.hex()}"}}'


def split_hash(text: str) -> tuple[str, str]:
    """Return the body and the hash (64 hex digits) of a stored text, without parsing it."""
    return text[:-_HASH_MEMBER] + "}", text[-66:-2]


def link_hash(previous: bytes, seq: int, text: str) -> bytes | None:
    """Return the hash of event `seq`, whose stored text is `text`, after the hash `previous`.

    None if the text is another event, or was changed, or does not follow that hash.
    """
    body, _hash = split_hash(text)
    digest = next_hash(previous, body.encode())
    is_next = text.startswith(f'{{"seq":{seq},') and text == with_hash(body, digest)
    return digest if is_next else None
