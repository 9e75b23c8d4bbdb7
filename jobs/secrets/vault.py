"""A run's secrets in its worker: opened once, handed to steps that ask, masked everywhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.events import NewEvent
from jobs.secrets import keys, logs
from jobs.secrets.field import Secret
from jobs.secrets.keys import SecretUnreadable
from jobs.secrets.masking import MASK, Masks

if TYPE_CHECKING:  # runs are imported where Django is not set up
    from jobs.models import Credential, StoredSecret, Subscription

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


@dataclass(frozen=True, slots=True, repr=False)
class OpenCredential:
    """A credential's value, for the one who uses it; prints as its name."""

    name: str
    type: str
    value: str

    def __repr__(self) -> str:
        return f"<credential {self.name}>"


class Vault:
    """The secrets of one run; empty until they are unlocked, and credentials opened."""

    def __init__(self) -> None:
        self.masks = Masks()
        self.stored: Mapping[str, StoredSecret] = {}
        self.wanted: set[str] = set()  # names of credentials that steps may reveal
        self.noted: set[str] = set()  # of those, whose use has been noted
        self._values: dict[str, str] = {}
        self._opened: dict[str, OpenCredential] = {}
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
        self._hide(self._values.values())

    def hold(self, values: Mapping[str, str]) -> None:
        """Take in secrets by their names, and mask them from here on; for a run in memory."""
        self._values.update(values)
        self._hide(values.values())

    def put(self, opened: Sequence[OpenCredential]) -> None:
        """Take in the credentials that have been opened, and mask their values from here on."""
        self._hide(one.value for one in opened)
        if not self._locked:
            self._opened.update({one.name: one for one in opened})

    def reveal(self, secret: Secret) -> str:
        """Return a secret's value. Raises SecretUnreadable for what is no secret of this job."""
        if secret.credential:
            return self.opened(secret.credential).value
        try:
            return self._values[secret.name]
        except KeyError:
            raise SecretUnreadable(f"This job has no secret {secret.name!r}.") from None

    def opened(self, name: str) -> OpenCredential:
        """Return an open credential. Raises SecretUnreadable where it has not been asked for."""
        if name not in self._opened:
            detail = "call run.credential before the step that reveals it"
            raise SecretUnreadable(f"The credential {name} is not open: {detail}.")
        return self._opened[name]

    def _hide(self, values: Iterable[str]) -> None:
        self.masks.add(values)
        logs.hide_secrets(self.masks)
        if self._locked:  # meanwhile, from another thread: the run has been cancelled
            self.lock()

    def lock(self) -> None:
        """Forget the values: the run is over in this worker."""
        self._locked = True
        self._values.clear()
        self._opened.clear()
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


# Has a vault hold credentials of these names, or raises.
Opener = Callable[[Vault, Collection[str]], Awaitable[None]]


async def refuse_credentials(_vault: Vault, names: Collection[str]) -> None:
    """Raise SecretUnreadable: this run is not a worker's."""
    raise SecretUnreadable(f"There are no credentials here: {', '.join(sorted(names))}.")


def open_secret(secret: StoredSecret | Credential | Subscription) -> str:
    """Return a stored value. Raises SecretUnreadable and KeysUnusable."""
    key = keys.by_id(secret.key_id)
    if key is None:
        raise SecretUnreadable(
            f"The {secret.label} cannot be read here: it is encrypted with the key {secret.key_id},"
            " which is not among this machine's (REPRISE_SECRET_KEYS)."
        )
    try:
        return key.open(bytes(secret.ciphertext), secret.context)
    except ValueError as error:
        raise SecretUnreadable(f"The {secret.label} cannot be read: {error}.") from error
