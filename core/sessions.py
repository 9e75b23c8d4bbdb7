"""Sessions in the database under a hash of their key: a dump of it signs nobody in."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.utils import timezone


def hash_session_key(key: str) -> str:
    """Return what a session is stored under, as long as the column takes: 160 bits in hex."""
    return sha256(key.encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Django's store; the key in the cookie is nowhere else."""

    def _get_session_from_db(self) -> Any:
        fresh = self.model.objects.filter(expire_date__gt=timezone.now())
        found = fresh.filter(session_key=hash_session_key(self.session_key or "")).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        """Return whether a session of this key is stored."""
        return super().exists(hash_session_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row that stores this session."""
        row = super().create_model_instance(data)
        row.session_key = hash_session_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete a session, this one unless a key is given."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(hash_session_key(key))

    async def _aget_session_from_db(self) -> Any:
        return await sync_to_async(self._get_session_from_db)()

    async def aexists(self, session_key: str) -> bool:
        """Await `exists`."""
        return await sync_to_async(self.exists)(session_key)

    async def acreate_model_instance(self, data: dict[str, Any]) -> Any:
        """Await `create_model_instance`."""
        return await sync_to_async(self.create_model_instance)(data)

    async def adelete(self, session_key: str | None = None) -> None:
        """Await `delete`."""
        await sync_to_async(self.delete)(session_key)
