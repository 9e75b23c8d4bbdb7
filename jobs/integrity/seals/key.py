"""The Ed25519 key that signs seals: made on first use, a PEM file that its owner alone reads."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from core.errors import RepriseError
from core.files import whole_file
from core.records.keys import raw_key


class SealFailed(RepriseError):
    """The seal could not be made."""

    code = "seal_failed"


def private_key() -> Ed25519PrivateKey:
    """Return the installation's key, made if there is none; SealFailed if it is unusable."""
    path: Path = settings.REPRISE.seal_key
    try:
        if not path.exists():
            _make_key(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SealFailed(f"The seal key {path} cannot be used: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SealFailed(f"The seal key {path} is not an Ed25519 key.")
    return key


def public_key() -> str:
    """Return the public key as PEM, for those who check seals."""
    encoded = (
        private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return encoded.decode()


def known_key() -> str | None:
    """Return the public key in hex where this process may read the installation's; makes none."""
    readable = os.access(settings.REPRISE.seal_key, os.R_OK)
    return raw_key(private_key().public_key()) if readable else None


def trusted_keys(others: Collection[str]) -> frozenset[str]:
    """Return `others` and the installation's public key, in hex; makes none."""
    own = known_key()
    return frozenset(others) | ({own} if own else set())


def _make_key(path: Path) -> None:
    """Make the key at once or not at all; of two who do so at a time, one's stays."""
    made = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError), whole_file(path, replace=False) as file:
        file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
