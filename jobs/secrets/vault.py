"""A run's secrets in its worker: opened once, handed to steps that ask, masked everywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from jobs.events import NewEvent
from jobs.secrets import keys, logs
from jobs.secrets.field import Secret
from jobs.secrets.keys import SecretUnreadable
from jobs.secrets.masking import MASK, Masks

if TYPE_CHECKING:  # runs are imported where Django is not set up
    from jobs.models import StoredSecret

# What the service itself writes and reads again: a secret "2026" must not make nonsense of a date.
OURS = {
    "for",
    "until",
    "try",
    "occurrence",
    "seconds",
    "stream",
    "done",
    "total",
    "failed",
    "count",
}


class Vault:
    """The secrets of one run; empty until they are unlocked."""

    def __init__(self) -> None:
        self.masks = Masks()
        self.stored: Mapping[str, StoredSecret] = {}
        self._values: dict[str, str] = {}
        self._locked = False

    def unlock(self, wanted: set[str]) -> None:
        """Decrypt the `stored` secrets that the params name, and mask them from here on.

        All of them and at once, whichever a step asks for: what an earlier attempt has put on a
        target may come back in this one's output. Raises SecretUnreadable and KeysUnusable.
        """
        for name in sorted(wanted):
            if name not in self.stored:
                raise SecretUnreadable(f"The secret {name} is not stored here, or no longer.")
            self._values[name] = open_secret(self.stored[name])
        self.masks = Masks(self._values.values())
        logs.hide_secrets(self.masks)
        if self._locked:  # meanwhile, from another thread: the run has been cancelled
            self.lock()

    def reveal(self, secret: Secret) -> str:
        """Return a secret's value. Raises SecretUnreadable for what is no secret of this job."""
        try:
            return self._values[secret.name]
        except KeyError:
            raise SecretUnreadable(f"This job has no secret {secret.name!r}.") from None

    def lock(self) -> None:
        """Forget the values: the run is over in this worker."""
        self._locked = True
        self._values.clear()
        logs.let_go(self.masks)

    def masked(self, events: list[NewEvent]) -> list[NewEvent]:
        """Return events with everything masked that they say."""
        if not self.masks:
            return events
        return [self._mask_event(event) for event in events]

    def _mask_event(self, event: NewEvent) -> NewEvent:
        mask = self.masks.value
        data = self._mask_data(event.data)
        if isinstance(message := data.get("message"), str):  # it may have been cut to its length
            data["message"] = self.masks.cut(message, max(len(message), len(MASK)))
        return NewEvent(event.type, data, mask(event.step), mask(event.target))

    def _mask_data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        made = {}
        for name, value in data.items():
            if name == "waits":
                made[name] = [self._mask_data(wait) for wait in value]
            else:
                made[name] = value if name in OURS else self.masks.value(value)
        return made


def open_secret(secret: StoredSecret) -> str:
    """Return a stored secret's value. Raises SecretUnreadable and KeysUnusable."""
    name, key = secret.name, keys.by_id(secret.key_id)
    if key is None:
        raise SecretUnreadable(
            f"The secret {name} cannot be read here: it is encrypted with the key {secret.key_id},"
            " which is not among this machine's (REPRISE_SECRET_KEYS)."
        )
    try:
        return key.open(bytes(secret.ciphertext), cipher_context(secret.job_id, name))
    except ValueError as error:
        raise SecretUnreadable(f"The secret {name} cannot be read: {error}.") from error


def cipher_context(job: UUID, name: str) -> bytes:
    """Return what binds a ciphertext to its place: copied to another job it cannot be opened."""
    return job.bytes + name.encode()
