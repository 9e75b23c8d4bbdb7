"""What an installation can set, read once from the environment."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Config:
    """The installation's settings; durations in seconds; docs/reference/settings.md lists them."""

    state: Path
    database_url: str
    redis_url: str
    debug: bool
    secret_key: str
    allowed_hosts: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    secure_cookies: bool
    sign_in_attempts: int
    sign_in_attempts_per_address: int
    sign_in_wait_seconds: float
    lease_seconds: float
    cancel_grace_seconds: float
    heartbeat_seconds: float
    rotate_seconds: float
    poll_seconds: float
    access_seconds: float
    max_followers: int
    max_followers_per_user: int
    max_followers_per_job: int
    new_followers_per_second: float
    drain_seconds: float
    ticket_seconds: float
    sweep_seconds: float
    park_seconds: float
    worker_runs: int
    dispatch: str
    limits: Mapping[str, int]
    kinds: tuple[str, ...]
    archive: Mapping[str, object]
    seals: Mapping[str, object]
    seal_key: Path
    seal_hours: float
    secret_keys: Path
    consumers: tuple[str, ...]
    webhook_url: str
    webhook_secret: str
    ssh_known_hosts: Path
    ssh_keys: tuple[str, ...]
    ssh_connect_seconds: float
    ssh_silence_seconds: float

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Config:
        """Build the configuration; ValueError, naming the variable, where a value is unusable."""
        state = Path(env.get("REPRISE_STATE") or ".state").resolve()
        return cls(
            state=state,
            database_url=env.get("DATABASE_URL", "postgresql://reprise@127.0.0.1:5432/reprise"),
            redis_url=env.get("REDIS_URL", "redis://127.0.0.1:6379/0"),
            debug=env.get("REPRISE_DEBUG", "") == "1",
            secret_key=env.get("REPRISE_SECRET_KEY") or secret(state / "secret_key"),
            allowed_hosts=_words(env.get("REPRISE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")),
            trusted_origins=_words(env.get("REPRISE_TRUSTED_ORIGINS", "")),
            secure_cookies=env.get("REPRISE_SECURE_COOKIES", "") == "1",
            sign_in_attempts=int(_number(env, "REPRISE_SIGN_IN_ATTEMPTS", 5)),
            sign_in_attempts_per_address=int(
                _number(env, "REPRISE_SIGN_IN_ATTEMPTS_PER_ADDRESS", 30)
            ),
            sign_in_wait_seconds=_number(env, "REPRISE_SIGN_IN_WAIT_SECONDS", 300),
            lease_seconds=_number(env, "REPRISE_LEASE_SECONDS", 10),
            cancel_grace_seconds=_number(env, "REPRISE_CANCEL_GRACE_SECONDS", 10),
            heartbeat_seconds=_number(env, "REPRISE_HEARTBEAT_SECONDS", 15),
            rotate_seconds=_number(env, "REPRISE_ROTATE_SECONDS", 60),
            poll_seconds=_number(env, "REPRISE_POLL_SECONDS", 1),
            access_seconds=_number(env, "REPRISE_ACCESS_SECONDS", 60),
            max_followers=int(_number(env, "REPRISE_MAX_FOLLOWERS", 10_000)),
            max_followers_per_user=int(_number(env, "REPRISE_MAX_FOLLOWERS_PER_USER", 2000)),
            max_followers_per_job=int(_number(env, "REPRISE_MAX_FOLLOWERS_PER_JOB", 5000)),
            new_followers_per_second=_number(env, "REPRISE_NEW_FOLLOWERS_PER_SECOND", 500),
            drain_seconds=_number(env, "REPRISE_DRAIN_SECONDS", 3),
            ticket_seconds=_number(env, "REPRISE_TICKET_SECONDS", 60),
            sweep_seconds=_number(env, "REPRISE_SWEEP_SECONDS", 2),
            worker_runs=int(_number(env, "REPRISE_WORKER_RUNS", 32)),
            dispatch=env.get("REPRISE_DISPATCH") or "jobs.dispatch.postgres.Procrastinate",
            limits=_limits(env.get("REPRISE_LIMITS", "")),
            kinds=_words(env.get("REPRISE_KINDS", "")),
            archive=_storage(env, "REPRISE_ARCHIVE", state / "archive"),
            consumers=_words(env.get("REPRISE_CONSUMERS", "")),
            park_seconds=_number(env, "REPRISE_PARK_SECONDS", 5),
            seals=_storage(
                env, "REPRISE_SEALS", state / "seals", "jobs.seals.files.DurableFolder", 0o400
            ),
            seal_key=Path(env.get("REPRISE_SEAL_KEY") or state / "seal_key").resolve(),
            seal_hours=_number(env, "REPRISE_SEAL_HOURS", 24),
            secret_keys=Path(env.get("REPRISE_SECRET_KEYS") or state / "secret_keys").resolve(),
            webhook_url=env.get("REPRISE_WEBHOOK_URL", ""),
            webhook_secret=env.get("REPRISE_WEBHOOK_SECRET", ""),
            ssh_known_hosts=Path(
                env.get("REPRISE_SSH_KNOWN_HOSTS") or "~/.ssh/known_hosts"
            ).expanduser(),
            ssh_keys=_words(env.get("REPRISE_SSH_KEYS", "")),
            ssh_connect_seconds=_number(env, "REPRISE_SSH_CONNECT_SECONDS", 10),
            ssh_silence_seconds=_number(env, "REPRISE_SSH_SILENCE_SECONDS", 10),
        )


def secret(path: Path) -> str:
    """Return the secret kept in `path`, making it (0600) where there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def database_settings(url: str) -> dict[str, object]:
    """Return Django's DATABASES entry for a `postgresql://user:password@host:port/name` address."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL must start with postgresql://, not {parts.scheme!r}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
    }


def _storage(
    env: Mapping[str, str],
    name: str,
    folder: Path,
    backend: str = "django.core.files.storage.FileSystemStorage",
    mode: int = 0o600,
) -> Mapping[str, object]:
    """Return the entry of Django's STORAGES that a folder's name, or a JSON object, stands for."""
    given = env.get(name) or str(folder)
    if given.startswith("{"):
        try:
            entry: dict[str, object] = json.loads(given)
        except ValueError:
            raise ValueError(f"{name} must be a folder or a JSON object, not {given!r}") from None
        return entry
    options = {"file_permissions_mode": mode, "directory_permissions_mode": 0o700}
    return {"BACKEND": backend, "OPTIONS": {"location": Path(given).resolve(), **options}}


def _limits(text: str) -> dict[str, int]:
    """Return the numbers of `version-update=2,command=5` by name."""
    pairs = [word.partition("=") for word in _words(text)]
    if not all(name and number.isdecimal() for name, _, number in pairs):
        raise ValueError(f"REPRISE_LIMITS must look like version-update=2,command=5, not {text!r}")
    return {name.strip(): int(number) for name, _, number in pairs}


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(env.get(name) or default)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {env[name]!r}") from None
