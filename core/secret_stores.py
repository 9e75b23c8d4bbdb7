"""Outside stores of secrets, as REPRISE_SECRET_STORES describes them: a JSON object by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def check_url(value: str) -> str:
    """Return the address; ValueError for one that is not http(s), or has a password in it."""
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must look like https://vault.example.com:8200")
    return value


def parse_stores(value: object) -> object:
    """Parse a text as JSON. Raises ValueError if it is not JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("must be a JSON object of stores by name") from None


Seconds = Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)]


class VaultStore(BaseModel):
    """A key/value engine of HashiCorp Vault or OpenBao, and how a worker signs in there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["vault"]
    url: Annotated[str, AfterValidator(check_url)]
    mount: str = "secret"
    version: Literal[1, 2] = 2
    namespace: str = ""
    ca_file: Path | None = None
    auth: Literal["token", "approle", "kubernetes"] = "token"
    auth_mount: str = ""
    role: str = ""
    role_id: str = ""
    token_file: Path | None = None
    secret_id_file: Path | None = None
    jwt_file: Path = SERVICE_ACCOUNT
    timeout_s: Annotated[int, Field(ge=1, le=300)] = 5

    @model_validator(mode="after")
    def check_auth(self) -> VaultStore:
        """Return the store; ValueError where its way to sign in lacks something."""
        needed = {
            "token": ("token_file",),
            "approle": ("role_id", "secret_id_file"),
            "kubernetes": ("role",),
        }[self.auth]
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"auth {self.auth} needs {' and '.join(missing)}")
        return self

    @property
    def secret_files(self) -> list[Path]:
        """The files that let the worker in."""
        return [one for one in (self.token_file, self.secret_id_file, self.jwt_file) if one]


class CommandStore(BaseModel):
    """A program that prints a value; the reference is its last argument, or takes `{reference}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["command"]
    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    pass_env: tuple[str, ...] = ()
    timeout_s: Seconds = 10

    @property
    def secret_files(self) -> list[Path]:
        """The files that let the worker in: what the program reads is not known here."""
        return []


SecretStore = Annotated[VaultStore | CommandStore, Field(discriminator="engine")]
