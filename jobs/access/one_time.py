"""What may be used once, whichever process it comes to: rows of UsedTicket until it has ended."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.db import IntegrityError, transaction

from core import clock
from jobs.models import UsedTicket


def use_once(name: str, lasts: timedelta) -> bool:
    """Use up what `name` stands for, which nobody would take after so long; False if it was."""
    key = UUID(bytes=sha256(name.encode()).digest()[:16])
    try:
        with transaction.atomic():
            UsedTicket.objects.create(pk=key, ends_at=clock.now() + lasts)
    except IntegrityError:
        return False
    return True
