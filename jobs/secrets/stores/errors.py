"""Why an outside store gave no value. The words name store and reference, never what it said."""

from __future__ import annotations

from core.errors import RepriseError


class StoreError(RepriseError):
    """An outside store of secrets gave no value."""

    code = "secret_store"


class NotInStore(StoreError):
    """The store has nothing at this reference, or there is no such store."""


class StoreRefused(StoreError):
    """The store does not let this worker read the reference."""


class StoreUnreachable(StoreError):
    """The store did not answer, or not in time: another try may do better."""
