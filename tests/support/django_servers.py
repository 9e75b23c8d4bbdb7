"""Have Django in this process use another database, or another Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from channels.layers import channel_layers
from django.conf import settings
from django.db import connections
from django.test import override_settings

from core.config_values import database_settings


@contextmanager
def using_database(url: str, **more: object) -> Iterator[None]:
    """Put Django's connection on this database, with other settings of it where they are given.

    Within another such context too: what is open to that one's database is closed first.
    """
    connection = connections["default"]
    _disconnect()
    kept = dict(connection.settings_dict)
    connection.settings_dict.update(database_settings(url) | more)
    try:
        with override_settings(REPRISE=settings.REPRISE.with_changes(database_url=url)):
            yield
    finally:
        _disconnect()
        connection.settings_dict.update(kept)


@contextmanager
def using_valkey(url: str) -> Iterator[None]:
    """Put the channel layer on this Valkey."""
    layer = {**settings.CHANNEL_LAYERS["default"]}
    layer["CONFIG"] = {"hosts": [url], "prefix": "reprise"}
    config = settings.REPRISE.with_changes(redis_url=url)
    try:
        with override_settings(CHANNEL_LAYERS={"default": layer}, REPRISE=config):
            channel_layers.backends.clear()
            yield
    finally:
        channel_layers.backends.clear()


def _disconnect() -> None:
    """Close this thread's connection and the pool, which other threads share."""
    connection = connections["default"]
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # the Postgres backend's
