"""Public keys of seals, as a seal and a person write them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def raw_key(key: Ed25519PublicKey) -> str:
    """Return a public key as a seal has it: its 32 bytes in hex."""
    return key.public_bytes_raw().hex()


def read_public(text: str) -> str:
    """Return the public key, in hex, that `text` names: 64 hex digits, or a PEM file's path.

    ValueError if it names none.
    """
    try:
        return raw_key(Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)))
    except ValueError:
        pass  # then it is a path
    try:
        key = load_pem_public_key(Path(text).read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{text} is not a public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{text} is not an Ed25519 key.")
    return raw_key(key)


def fingerprint_of(raw: str) -> str:
    """Return what people compare of a public key: `sha256:` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(bytes.fromhex(raw)).hexdigest()}"
