"""Engine `vault`: a key/value engine of HashiCorp Vault or OpenBao (hvac).

A reference is `path#field`; without a field it is `path#value`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hvac
from hvac import exceptions

from core.secret_stores import VaultStore
from jobs.secrets.stores.errors import NotInStore, StoreRefused, StoreUnreachable

DEFAULT_FIELD = "value"
# A token is renewed, or made anew, once this part of its time is over.
RENEW_AFTER = 2 / 3


class HashiCorpVault:
    """One store; signs in with its first fetch, and again when its token ends or is refused."""

    def __init__(self, name: str, config: VaultStore) -> None:
        self._name = name
        self._config = config
        self._lock = threading.Lock()  # a session of requests is for one thread at a time
        self._client: Any = None
        self._renew_at = 0.0

    def fetch(self, reference: str) -> str:
        """Return the field that a reference names (`SecretEngine.fetch`)."""
        path, _, field = reference.partition("#")
        with self._lock, self._error_words(path):
            fields = self._read_fields(path)
        value = fields.get(field or DEFAULT_FIELD)
        if not isinstance(value, str):
            raise NotInStore(f"{path} in the store {self._name} has no text {field!r}.")
        return value

    def _read_fields(self, path: str) -> Mapping[str, Any]:
        fresh = self._client is None
        self._sign_in()
        try:
            return self._read(path)
        except exceptions.Forbidden:
            if fresh or self._config.auth == "token":
                raise
        self._client = None  # its token was revoked, or has ended early
        self._sign_in()
        return self._read(path)

    def _read(self, path: str) -> Mapping[str, Any]:
        kv, mount = self._client.secrets.kv, self._config.mount
        if self._config.version == 1:
            return dict(kv.v1.read_secret(path, mount_point=mount)["data"])
        found = kv.v2.read_secret_version(path, mount_point=mount, raise_on_deleted_version=True)
        return dict(found["data"]["data"])

    def _sign_in(self) -> None:
        """Have a client whose token lasts; one from a file is read anew each time."""
        config = self._config
        if self._client is None:
            self._client = hvac.Client(
                url=config.url,
                token="",  # else hvac takes one from the environment or a file at home
                namespace=config.namespace or None,
                timeout=config.timeout_s,
                verify=str(config.ca_file) if config.ca_file else True,
            )
        elif config.auth != "token" and time.monotonic() < self._renew_at:
            return
        if config.auth == "token":
            self._client.token = _file_text(config.token_file)
        elif not (self._client.token and self._renew_token()):
            self._note_lease(self._log_in())

    def _log_in(self) -> Mapping[str, Any]:
        config, auth = self._config, self._client.auth
        self._client.token = ""
        mount = config.auth_mount or config.auth
        if config.auth == "approle":
            secret_id = _file_text(config.secret_id_file)
            return dict(auth.approle.login(config.role_id, secret_id, mount_point=mount))
        jwt = _file_text(config.jwt_file)
        return dict(auth.kubernetes.login(config.role, jwt, mount_point=mount))

    def _renew_token(self) -> bool:
        """Renew the token; return whether that was possible."""
        try:
            self._note_lease(self._client.auth.token.renew_self())
        except (exceptions.VaultError, OSError):
            return False
        return True

    def _note_lease(self, answer: Mapping[str, Any]) -> None:
        seconds = answer["auth"]["lease_duration"] or float("inf")  # 0: it does not end
        self._renew_at = time.monotonic() + seconds * RENEW_AFTER

    @contextmanager
    def _error_words(self, path: str) -> Iterator[None]:
        """Say what went wrong; not in the store's own words, nor with a chain that has them."""
        name = self._name
        try:
            yield
        except exceptions.InvalidPath:
            raise NotInStore(f"The store {name} has nothing at {path}.") from None
        except (exceptions.Forbidden, exceptions.Unauthorized, exceptions.InvalidRequest):
            self._client = None
            raise StoreRefused(f"The store {name} refused {path} to this worker.") from None
        except _Unusable as error:
            raise StoreRefused(f"The store {name}: {error}") from None
        except (exceptions.VaultError, OSError) as error:  # requests' errors are OSErrors
            kind = type(error).__name__
            raise StoreUnreachable(f"The store {name} cannot be reached ({kind}).") from None
        except (KeyError, TypeError, ValueError):
            raise StoreUnreachable(
                f"The store {name} answered something else than Vault."
            ) from None


class _Unusable(Exception):
    """A file that lets the worker in cannot be read."""


def _file_text(path: Path | None) -> str:
    try:
        return path.read_text().strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise _Unusable(f"{path} cannot be read ({type(error).__name__}).") from None
