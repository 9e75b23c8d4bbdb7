"""Where the values of secrets are: a table beside the log, encrypted, to be deleted when wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from jobs.models import StoredSecret
from jobs.secrets import keys
from jobs.secrets.keys import SecretUnreadable
from jobs.secrets.vault import cipher_context, open_secret

BATCH = 500


def save_secrets(job: UUID, values: Mapping[str, str]) -> None:
    """Store a job's secrets, in the transaction that makes the job. Raises KeysUnusable."""
    if not values:
        return
    key = keys.newest_key()
    StoredSecret.objects.bulk_create(
        StoredSecret(
            job_id=job,
            name=name,
            key_id=key.id,
            ciphertext=key.seal(value, cipher_context(job, name)),
        )
        for name, value in values.items()
    )


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
    """Return how many secrets are encrypted with another key than the newest."""
    return StoredSecret.objects.exclude(key_id=keys.newest_key().id).count()


def rotate_keys(batch_size: int = BATCH) -> Iterator[int]:
    """Encrypt everything under the newest key, a batch a transaction; yield how many at a time.

    Raises SecretUnreadable, naming the job, at the first that cannot be read; what was done before
    stays done, and another run goes on from there.
    """
    newest = keys.newest_key()
    while True:
        with transaction.atomic():
            rows = StoredSecret.objects.select_for_update().exclude(key_id=newest.id)
            batch = list(rows.order_by("pk")[:batch_size])
            for row in batch:
                _renew_secret(row, newest)
            StoredSecret.objects.bulk_update(batch, ["key_id", "ciphertext"])
        if not batch:
            return
        yield len(batch)


def by_key() -> dict[str, int]:
    """Return how many secrets there are under each key, by its id."""
    counted = StoredSecret.objects.values_list("key_id").annotate(Count("pk")).order_by("key_id")
    return dict(counted)


def _renew_secret(row: StoredSecret, key: keys.Key) -> None:
    try:
        value = open_secret(row)
    except SecretUnreadable as error:
        raise SecretUnreadable(f"Job {row.job_id}: {error.message}") from error
    row.key_id, row.ciphertext = key.id, key.seal(value, cipher_context(row.job_id, row.name))
