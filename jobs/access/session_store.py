"""Django's sessions, stored under a hash of their key, with who has them and when they were used.

The setting SESSION_ENGINE names this module. What the columns say comes from the session itself, so
that a new key (at sign-in, and when the password changes) keeps it. A session counts as used when
it is loaded, whatever for; that is written once a minute at most.
"""

from __future__ import annotations

from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db

from core import clock
from core.sessions import hash_session_key
from jobs.access.sessions import SIGN_IN, latest_end, live_sessions, note_use
from jobs.models import UserSession


class SessionStore(db.SessionStore):
    """Django's store; the key in the cookie is nowhere else."""

    @classmethod
    def get_model_class(cls) -> type[UserSession]:
        """Return the model of the rows."""
        return UserSession

    def _get_session_from_db(self) -> UserSession | None:
        stored = hash_session_key(self.session_key or "")
        found = live_sessions().filter(session_key=stored).first()
        if found is None:
            self._session_key = None
        else:
            note_use([found])
        return found

    def exists(self, session_key: str) -> bool:
        """Return whether a session of this key is stored."""
        return super().exists(hash_session_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> UserSession:
        """Return the row that stores this session."""
        row = cast(UserSession, super().create_model_instance(data))
        row.session_key = hash_session_key(row.session_key)
        sign_in = data.get(SIGN_IN) or {}
        row.user_id = data.get(SESSION_KEY)
        row.address, row.agent = sign_in.get("address", ""), sign_in.get("agent", "")
        row.seen_at = clock.now()
        row.made_at = clock.parse(sign_in["at"]) if sign_in else row.seen_at
        row.expire_date = latest_end(row)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete a session, this one unless a key is given."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(hash_session_key(key))

    async def _aget_session_from_db(self) -> UserSession | None:
        return await sync_to_async(self._get_session_from_db)()

    async def aexists(self, session_key: str) -> bool:
        """Await `exists`."""
        return await sync_to_async(self.exists)(session_key)

    async def acreate_model_instance(self, data: dict[str, Any]) -> UserSession:
        """Await `create_model_instance`."""
        return await sync_to_async(self.create_model_instance)(data)

    async def adelete(self, session_key: str | None = None) -> None:
        """Await `delete`."""
        await sync_to_async(self.delete)(session_key)
