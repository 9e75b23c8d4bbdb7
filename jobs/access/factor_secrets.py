"""The secrets of second factors as they are stored: encrypted with the keys of secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from allauth.mfa.models import Authenticator
from django.db import transaction

from jobs.secrets import keys
from jobs.secrets.keys import SecretUnreadable

CONTEXT = b"second factor"
FIELDS = ("secret", "seed")  # of an authenticator app, of recovery codes


def seal_text(text: str) -> str:
    """Return a secret as it is stored: the key's id, and the ciphertext. Raises KeysUnusable."""
    key = keys.newest_key()
    return f"{key.id}:{key.seal(text, CONTEXT).hex()}"


def open_text(stored: str) -> str:
    """Return a stored secret. Raises SecretUnreadable and KeysUnusable."""
    key_id, _, sealed = stored.partition(":")
    key = keys.by_id(key_id)
    if key is None:
        raise SecretUnreadable("The key of second factors is not on this machine.")
    try:
        return key.open(bytes.fromhex(sealed), CONTEXT)
    except ValueError as error:
        raise SecretUnreadable("The second factor's secret was changed.") from error


def by_key() -> Counter[str]:
    """Return how many factors there are under each key, by its id."""
    return Counter(
        stored.partition(":")[0] for one in Authenticator.objects.all() for stored in _secrets(one)
    )


def rotate_keys() -> int:
    """Encrypt all of them under the newest key; return how many were not."""
    newest, done = keys.newest_key().id, 0
    for pk in Authenticator.objects.values_list("pk", flat=True):
        with transaction.atomic():
            one = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if one is None or all(text.startswith(f"{newest}:") for text in _secrets(one)):
                continue
            for name in FIELDS:
                if name in one.data:
                    one.data[name] = seal_text(open_text(one.data[name]))
            one.save(update_fields=["data"])
            done += 1
    return done


def _secrets(one: Authenticator) -> Iterator[str]:
    return (one.data[name] for name in FIELDS if name in one.data)
