"""Where the values of secrets are: a table beside the log, encrypted, to be deleted when wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet

from jobs.models import Credential, StoredSecret, Subscription
from jobs.secrets import keys
from jobs.secrets.keys import SecretUnreadable
from jobs.secrets.vault import open_secret

BATCH = 500
Encrypted = StoredSecret | Credential | Subscription
_PLACES = {Credential: "Credentials", Subscription: "Notices"}


def save_secrets(job: UUID, values: Mapping[str, str]) -> None:
    """Store a job's secrets, in the transaction that makes the job. Raises KeysUnusable."""
    if not values:
        return
    key = keys.newest_key()
    rows = [StoredSecret(job_id=job, name=name) for name in values]
    for row in rows:
        seal_value(row, values[row.name], key)
    StoredSecret.objects.bulk_create(rows)


def load_secrets(job: UUID) -> dict[str, StoredSecret]:
    """Return a job's secrets by name, still encrypted."""
    return {row.name: row for row in StoredSecret.objects.filter(job_id=job)}


def secret_values(job: UUID) -> dict[str, str]:
    """Return the secrets of a job by name, for another that takes its params over.

    Raises SecretUnreadable and KeysUnusable.
    """
    return {name: open_secret(row) for name, row in load_secrets(job).items()}


def forget_ended(ended_before: datetime) -> int:
    """Delete the secrets of jobs that ended before a moment; return how many."""
    return StoredSecret.objects.filter(job__finished_at__lt=ended_before).delete()[0]


def count_outdated() -> int:
    """Return how many values are encrypted with another key than the newest."""
    newest = keys.newest_key().id
    return sum(rows.exclude(key_id=newest).count() for rows in _encrypted_rows())


def rotate_keys(batch_size: int = BATCH) -> Iterator[int]:
    """Encrypt everything under the newest key, a batch a transaction; yield how many at a time.

    Raises SecretUnreadable, naming the job or the credential, at the first that cannot be read;
    what was done before stays done, and another run goes on from there.
    """
    newest = keys.newest_key()
    for rows in _encrypted_rows():
        while count := _rotate_batch(rows.exclude(key_id=newest.id), newest, batch_size):
            yield count


def by_key() -> dict[str, int]:
    """Return how many values there are under each key, by its id."""
    counted = Counter[str]()
    for rows in _encrypted_rows():
        counted.update(dict(rows.values_list("key_id").order_by("key_id").annotate(Count("pk"))))
    return dict(sorted(counted.items()))


def _encrypted_rows() -> tuple[QuerySet[Any], ...]:
    """Return all that is encrypted; credentials of outside stores have nothing here, nor mail."""
    return (
        StoredSecret.objects.order_by("pk"),
        Credential.objects.exclude(key_id="").order_by("pk"),
        Subscription.objects.exclude(key_id="").order_by("pk"),
    )


def _rotate_batch(outdated: QuerySet[Any], newest: keys.Key, size: int) -> int:
    with transaction.atomic():
        batch = list(outdated.select_for_update()[:size])
        for row in batch:
            _renew_secret(row, newest)
        outdated.model._base_manager.bulk_update(batch, ["key_id", "ciphertext"])
    return len(batch)


def _renew_secret(row: Encrypted, key: keys.Key) -> None:
    try:
        value = open_secret(row)
    except SecretUnreadable as error:
        place = f"Job {row.job_id}" if isinstance(row, StoredSecret) else _PLACES[type(row)]
        raise SecretUnreadable(f"{place}: {error.message}") from error
    seal_value(row, value, key)


def seal_value(row: Encrypted, value: str, key: keys.Key) -> None:
    """Encrypt a value into its row, which is to be saved."""
    row.key_id, row.ciphertext = key.id, key.seal(value, row.context)
