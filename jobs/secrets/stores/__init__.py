"""Values from outside stores: `fetch_value` asks the store of REPRISE_SECRET_STORES by its engine.

A value is kept in memory for REPRISE_SECRET_CACHE_SECONDS, so that a rollout over many targets does
not ask for each, and nowhere else. Workers alone fetch.
"""

from __future__ import annotations

import threading
import time

from django.conf import settings

from core.secret_stores import SecretStore, VaultStore
from jobs.secrets.stores.errors import NotInStore, StoreRefused
from jobs.secrets.stores.hashicorp import HashiCorpVault
from jobs.secrets.stores.port import SecretEngine, is_reference
from jobs.secrets.stores.program import Program

_lock = threading.Lock()
_engines: dict[str, tuple[SecretStore, SecretEngine]] = {}
_cached: dict[tuple[SecretStore, str], tuple[str, float]] = {}


def store_names() -> list[str]:
    """Return the names of the stores that are set up."""
    return sorted(settings.REPRISE.secret_stores)


def fetch_value(store: str, reference: str) -> str:
    """Return the value at a reference in a store, perhaps as it was a moment ago; it may block.

    Raises a `jobs.secrets.stores.errors.StoreError`.
    """
    config = settings.REPRISE.secret_stores.get(store)
    if config is None:
        raise NotInStore(f"There is no store {store} on this machine (REPRISE_SECRET_STORES).")
    if not is_reference(reference):  # whoever stored it: it could be an option, or a way up
        raise StoreRefused(f"The store {store} is not asked for such a reference.")
    now, key = time.monotonic(), (config, reference)
    with _lock:
        for old in [one for one, (_, until) in _cached.items() if until <= now]:
            del _cached[old]
        if key in _cached:
            return _cached[key][0]
        engine = _engine_of(store, config)
    value, seconds = engine.fetch(reference), settings.REPRISE.secret_cache_seconds
    if seconds:
        with _lock:
            _cached[key] = value, time.monotonic() + seconds
    return value


def _engine_of(store: str, config: SecretStore) -> SecretEngine:
    """Return the store's engine, made anew where its settings have changed."""
    known = _engines.get(store)
    if known is None or known[0] != config:
        match config:
            case VaultStore():
                known = config, HashiCorpVault(store, config)
            case _:
                known = config, Program(store, config)
        _engines[store] = known
    return known[1]
