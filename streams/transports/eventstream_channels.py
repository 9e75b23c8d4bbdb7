"""Jobs as django-eventstream's channels: its channel manager and its storage, over the log.

A channel is `job-<id>`. The settings EVENTSTREAM_CHANNELMANAGER_CLASS and EVENTSTREAM_STORAGE_CLASS
name the two classes, so that the package's own functions (`get_events`, `get_current_event_id`)
read the log as well. https://github.com/fanout/django-eventstream#authorization
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django_eventstream.channelmanager import DefaultChannelManager
from django_eventstream.event import Event
from django_eventstream.storage import EventDoesNotExist, StorageBase

from core.errors import CursorAhead, HistoryExpired, NotFound
from jobs import log
from jobs.access import visibility
from jobs.log import Cursor
from streams.followers.access import job_id

PREFIX = "job-"
MESSAGE = "message"  # the type of every event: an EventSource's `onmessage` gets it


def job_of(channel: str) -> UUID:
    """Return the job whose channel it is; NotFound for any other name."""
    if not channel.startswith(PREFIX):
        raise NotFound
    return job_id(channel.removeprefix(PREFIX))


class ChannelManager(DefaultChannelManager):  # type: ignore[misc]  # the package has no types
    """Says who may read a job's channel: those who may see the job."""

    def can_read_channel(self, user: User | None, channel: str) -> bool:
        """Return whether the user (None: nobody signed in) may; an unknown channel nobody may."""
        if user is None or not user.is_active:
            return False
        try:
            visibility.job_for(visibility.of_user(user), job_of(channel))
        except NotFound:
            return False
        return True


class Storage(StorageBase):  # type: ignore[misc]  # the package has no types
    """A channel's events are its job's; an event's id is its seq, its data the stored text."""

    def append_event(self, channel: str, event_type: str, data: Any) -> Event:
        """Refuse: the log has one door in, and `send_event` is not it."""
        raise NotImplementedError("A job's events are appended by jobs.log alone.")

    def get_events(self, channel: str, last_id: int, limit: int = 100) -> list[Event]:
        """Return up to `limit` events after seq `last_id`.

        Raises EventDoesNotExist if there is no such place in the log (any more).
        """
        job = job_of(channel)
        try:
            log.check_cursor(job, Cursor(last_id))
        except (CursorAhead, HistoryExpired) as error:
            raise EventDoesNotExist(error.message, self.get_current_id(channel)) from error
        texts = log.read(job, last_id, limit).texts
        return [
            Event(channel, MESSAGE, text, id=seq) for seq, text in enumerate(texts, last_id + 1)
        ]

    def get_current_id(self, channel: str) -> int:
        """Return the job's head; 0 for a job without events, or none."""
        head = log.read_head(job_of(channel))
        return head.seq if head else 0
