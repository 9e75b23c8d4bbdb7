"""The values of credentials: checked when they come, encrypted, opened for those who may use them.

Who may is not decided here: `jobs.access.credentials` does.
"""

from __future__ import annotations

import re

from core import clock
from core.errors import InvalidParams
from jobs.models import Credential
from jobs.secrets import keys, store, stores
from jobs.secrets.encodings import SHORTEST
from jobs.secrets.field import LONGEST
from jobs.secrets.keys import SecretUnreadable
from jobs.secrets.stores.port import is_reference
from jobs.secrets.vault import OpenCredential, open_secret

# The columns that say what a credential's value is, or where.
VALUE_FIELDS = ("store", "reference", "key_id", "ciphertext", "changed_at")
_LOCKED = "The key has a passphrase. Remove it from a copy: ssh-keygen -p -f COPY"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_PUBLIC = re.compile(r"\s*(ssh-|ecdsa-|sk-|---- BEGIN SSH2 PUBLIC|-----BEGIN [A-Z ]*PUBLIC KEY)")


def check_name(name: str) -> None:
    """Raise InvalidParams for what cannot be a credential's name: it stands in addresses."""
    if not _NAME.fullmatch(name):
        detail = "A name has 1 to 100 letters, digits, dots, hyphens and underscores."
        raise InvalidParams([{"pointer": "/name", "detail": detail}], detail)


def set_value(credential: Credential, value: str) -> None:
    """Encrypt a value into a credential, which is to be saved; InvalidParams if it is no use."""
    try:
        value = checked_value(credential.type, value)
    except ValueError as error:
        raise InvalidParams([{"pointer": "/value", "detail": str(error)}], str(error)) from None
    credential.store = credential.reference = ""
    credential.changed_at = clock.now()
    store.seal_value(credential, value, keys.newest_key())


def set_reference(credential: Credential, store_name: str, reference: str) -> None:
    """Have a credential's value come from an outside store; InvalidParams if it cannot."""
    if store_name not in (known := stores.store_names()):
        detail = f"There is no store {store_name}. Known: {', '.join(known) or 'none'}."
        raise InvalidParams([{"pointer": "/store", "detail": detail}], detail)
    if not is_reference(reference):
        detail = "A reference looks like path/to/secret#field."
        raise InvalidParams([{"pointer": "/reference", "detail": detail}], detail)
    credential.store, credential.reference = store_name, reference
    credential.changed_at = clock.now()
    credential.key_id, credential.ciphertext = "", b""


def open_credential(credential: Credential) -> OpenCredential:
    """Return a credential with its value; it may block, for as long as an outside store takes.

    Raises SecretUnreadable, KeysUnusable, or a `jobs.secrets.stores.errors.StoreError`.
    """
    name, type_ = credential.name, credential.type
    if not credential.store:
        return OpenCredential(name, type_, open_secret(credential))
    value = stores.fetch_value(credential.store, credential.reference)
    try:
        return OpenCredential(name, type_, checked_value(type_, value.rstrip("\n")))
    except ValueError as error:
        detail = f"what the store {credential.store} has is no use: {error}"
        raise SecretUnreadable(f"The credential {name}: {detail}") from None


def checked_value(type_: str, value: str) -> str:
    """Return a value as it is kept; ValueError, without any of it, if it is none of this type."""
    if "\0" in value or "\ufffd" in value:  # which it has become where the value was JSON
        raise ValueError("The value has a NUL in it, or is not UTF-8: is this the right file?")
    if "\r" in value and type_ == Credential.SSH_KEY:
        raise ValueError("The key has DOS line ends. Convert it: tr -d '\\r' <key")
    if len(value) > LONGEST:
        raise ValueError(f"A value has at most {LONGEST:,} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("The value is not UTF-8.") from None
    if type_ == Credential.SSH_KEY:
        return _checked_key(value)
    if len(value.strip()) < SHORTEST:
        raise ValueError(f"At least {SHORTEST} characters: a shorter value cannot be masked.")
    if value.endswith(("\n", "\r")):
        raise ValueError("The value ends with a line break: leave that out (printf %s, not echo).")
    if _CONTROLS.search(value):
        raise ValueError(f"A {type_} is one line without control characters.")
    if type_ == Credential.TOKEN and value != value.strip():
        raise ValueError("The token begins or ends with a blank: leave that out.")
    return value


def _checked_key(value: str) -> str:
    """Return a private key that asyncssh, a large library, can read."""
    import asyncssh

    if _PUBLIC.match(value):
        raise ValueError("This is a public key. Give the private one, from the file without .pub.")
    try:
        asyncssh.import_private_key(value)
    except asyncssh.KeyEncryptionError:
        raise ValueError(_LOCKED) from None
    except asyncssh.KeyImportError as error:
        if "passphrase" in str(error).lower():
            raise ValueError(_LOCKED) from None
        raise ValueError("This is no private key that can be read here (OpenSSH, PEM).") from None
    return f"{value.strip()}\n"
