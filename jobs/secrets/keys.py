"""The keys that secrets are encrypted with: a file outside the database, the newest key first.

Each line is a key: 32 bytes in base64. A key's id is the beginning of a hash of it, so that nobody
has to make up names. The file is read whenever it is needed: a new key holds at once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from core.errors import RepriseError
from core.files import whole_file

KEY_BYTES = 32
_NONCE_BYTES = 12


class KeysUnusable(RepriseError):
    """The file with the keys for secrets cannot be used."""

    code = "secret_keys_unusable"


class SecretUnreadable(RepriseError):
    """A stored secret cannot be decrypted here, or is not there."""

    code = "secret_unreadable"


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """One key; `id` is what is stored beside what it has encrypted."""

    raw: bytes

    @property
    def id(self) -> str:
        """Eight hex digits that say which key this is, and nothing else about it."""
        return hashlib.sha256(b"reprise key id" + self.raw).hexdigest()[:8]

    def seal(self, value: str, context: bytes) -> bytes:
        """Encrypt a value (AES-256-GCM): the nonce, then the ciphertext and its tag.

        Only with the same `context` can it be opened again.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.raw).encrypt(nonce, value.encode(), context)

    def open(self, sealed: bytes, context: bytes) -> str:
        """Decrypt what `seal` has made; ValueError if it has been changed."""
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self.raw).decrypt(nonce, text, context).decode()
        except InvalidTag as error:
            raise ValueError("it was changed or belongs to another job") from error

    def digest(self, text: bytes) -> bytes:
        """Return a hash of a text that nobody without the key can try guesses on."""
        own = hmac.digest(self.raw, b"reprise request digest", "sha256")
        return hmac.digest(own, text, "sha256")


def key_ring(*, make: bool = False) -> list[Key]:
    """Return the keys, newest first; none where there is no file, unless one is to be made.

    Raises KeysUnusable.
    """
    path: Path = settings.REPRISE.secret_keys
    try:
        if make and not path.exists():
            _write_keys(path, [Key(secrets.token_bytes(KEY_BYTES))], new=True)
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise KeysUnusable(f"The keys for secrets cannot be read: {error}") from error
    return [_parse_key(line, number) for number, line in enumerate(lines, 1) if line.strip()]


def newest_key() -> Key:
    """Return the key to encrypt with, made if there is none. Raises KeysUnusable."""
    found = key_ring(make=True)
    if not found:
        raise KeysUnusable("The file with the keys for secrets is empty.")
    return found[0]


def by_id(wanted: str) -> Key | None:
    """Return the key of this id, None if this machine has not got it. Raises KeysUnusable."""
    return next((key for key in key_ring() if key.id == wanted), None)


def add_key() -> Key:
    """Put a new key first; return it. Raises KeysUnusable."""
    made = Key(secrets.token_bytes(KEY_BYTES))
    _write_keys(settings.REPRISE.secret_keys, [made, *key_ring()])
    return made


def _parse_key(line: str, number: int) -> Key:
    try:
        raw = base64.b64decode(line.strip(), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise KeysUnusable(f"Line {number} of the keys for secrets is not a key.")
    return Key(raw)


def _write_keys(path: Path, keys: list[Key], *, new: bool = False) -> None:
    """Write the file as a whole or not at all; of two who make it at a time, one's stays."""
    text = "".join(f"{base64.b64encode(key.raw).decode()}\n" for key in keys)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), whole_file(path, replace=not new) as file:
            file.write(text.encode())
    except OSError as error:
        raise KeysUnusable(f"The keys for secrets cannot be written: {error}") from error
