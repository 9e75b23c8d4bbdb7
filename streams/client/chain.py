"""The hash chain of a log, checked event by event."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import takewhile
from uuid import UUID

from streams.client.frames import Event

# `,"hash":"<64 hex digits>"}`, which ends every event and is no part of what is hashed.
_TAIL = len(',"hash":""}') + 64


class Chain:
    """Checks that each event's hash is that of its bytes after the event before.

    From a cursor other than 0 the hash before is not known: the first event is taken as it is, and
    what follows it is checked.
    """

    def __init__(self, job: UUID, after: int) -> None:
        self._previous = hashlib.sha256(job.bytes).digest() if after == 0 else None

    def take_sound(self, events: Sequence[Event]) -> list[Event]:
        """Take the next events; return those before the first that is not what its hash says."""
        return list(takewhile(self.holds, events))

    def holds(self, event: Event) -> bool:
        """Take the next event; return whether it is what its hash says."""
        body, previous = event.raw[:-_TAIL] + b"}", self._previous
        if not event.raw.endswith(f',"hash":"{event.hash}"}}'.encode()) or len(event.hash) != 64:
            return False
        try:
            self._previous = bytes.fromhex(event.hash)
        except ValueError:
            return False
        return previous is None or hashlib.sha256(previous + body).digest() == self._previous
