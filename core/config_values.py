"""How values of settings are written in the environment: read, and refused in words."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

# What REPRISE_APPROVALS may ask of a kind's jobs: an approval before they start, and answers by
# somebody else than the submitter.
START, OTHERS = "start", "others"
APPROVALS = frozenset({START, OTHERS})
# Of several database servers the one that takes writes, and what a host that is gone may cost.
SEVERAL_HOSTS = {"target_session_attrs": "read-write", "connect_timeout": "3"}
_DJANGO_NAMES = {
    "NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"
}  # fmt: skip


def split_words(value: object) -> object:
    """Return the words of `a, b`; anything but text as it is."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in value.split(",") if word.strip())


def split_limits(value: object) -> object:
    """Return the numbers of `version-update=2,command=5` by name; ValueError for another form."""
    if not isinstance(value, str):
        return value
    pairs = [word.partition("=") for word in value.split(",") if word.strip()]
    if not all(name.strip() and number.strip().isdecimal() for name, _, number in pairs):
        raise ValueError("must look like version-update=2,command=5")
    return {name.strip(): int(number) for name, _, number in pairs}


def split_approvals(value: object) -> object:
    """Return the rules of `command=start+others,backup=others` by kind; ValueError for others."""
    if not isinstance(value, str):
        return value
    rules: dict[str, frozenset[str]] = {}
    for kind, _, words in (word.partition("=") for word in value.split(",") if word.strip()):
        asked = frozenset(word.strip() for word in words.split("+"))
        if not kind.strip() or not asked <= APPROVALS:
            raise ValueError("must look like command=start+others: start, others or both")
        rules[kind.strip()] = rules.get(kind.strip(), frozenset()) | asked
    return rules


def storage_entry(
    value: object, backend: str = "django.core.files.storage.FileSystemStorage", mode: int = 0o600
) -> object:
    """Return the entry of Django's STORAGES that a folder's name, or a JSON object, stands for."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("must be a folder or a JSON object") from None
    if not isinstance(value, str | Path):
        return value
    options = {"file_permissions_mode": mode, "directory_permissions_mode": 0o700}
    return {"BACKEND": backend, "OPTIONS": {"location": Path(value).resolve(), **options}}


def seals_entry(value: object) -> object:
    """Return the same for seals, whose files nobody may write again."""
    return storage_entry(value, "jobs.integrity.seals.files.DurableFolder", 0o400)


def check_database_url(value: str) -> str:
    """Return the address, completed where it names several hosts; ValueError for an unusable one.

    Of several hosts only the one that takes writes is used, and none is waited for long, unless
    the address says otherwise.
    """
    named = _parse_database_url(value)
    if "," not in str(named.get("host", "")):
        return value
    missing = urlencode({name: text for name, text in SEVERAL_HOSTS.items() if name not in named})
    return f"{value}{'&' if '?' in value else '?'}{missing}" if missing else value


def check_http_url(value: str) -> str:
    """Return the address; ValueError for another scheme, or none."""
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("must start with http:// or https://")
    return value


def check_redis_url(value: str) -> str:
    """Return the address; ValueError for another scheme."""
    if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must start with redis://, rediss:// or unix://")
    return value


def check_origins(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the origins; ValueError if one has no scheme."""
    for origin in value:
        if not origin.startswith(("https://", "http://")):
            raise ValueError(f"{origin!r} must start with https:// or http://")
    return value


def check_origin(value: str) -> str:
    """Return one origin without a slash at its end, or ""; ValueError for anything else."""
    parts = urlsplit(value.rstrip("/"))
    if value and (parts.scheme not in {"https", "http"} or not parts.netloc or parts.path):
        raise ValueError("must look like https://reprise.example.org")
    return value.rstrip("/")


def check_mail_url(value: str) -> str:
    """Return the address of a mail server; ValueError if Django could not use it."""
    mail_settings(value)
    return value


def mail_settings(url: str) -> dict[str, Any]:
    """Return what Django's mail backend takes for `smtp://user:password@host:port`; {} for "".

    `smtp+tls` asks the server for TLS (STARTTLS), `smtps` begins with TLS.
    """
    if not url:
        return {}
    parts, ports = urlsplit(url), {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in ports or not parts.hostname or parts.path.strip("/"):
        raise ValueError("must look like smtp+tls://user:password@mail.example.org:587")
    return {
        "host": parts.hostname,
        "port": parts.port or ports[parts.scheme],
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_tls": parts.scheme == "smtp+tls",
        "use_ssl": parts.scheme == "smtps",
    }


def check_file(value: Path) -> Path:
    """Return the path of a file; ValueError if it is not there."""
    if not value.is_file():
        raise ValueError(f"{value} is not a file")
    return value


def check_folder(value: Path) -> Path:
    """Return the path of a folder; ValueError if it is not there."""
    if not value.is_dir():
        raise ValueError(f"{value} is not a folder")
    return value


def check_webhook_secret(value: str) -> str:
    """Return the secret; ValueError for a key that receivers could not decode."""
    if value.startswith("whsec_"):
        key = value.removeprefix("whsec_")
        padding = "=" * (-len(key) % 4)
        try:
            empty = not base64.b64decode(key + padding, validate=True)
        except ValueError:
            empty = True
        if empty:
            raise ValueError("must be base64 after whsec_")
    return value


def database_settings(url: str) -> dict[str, object]:
    """Return Django's DATABASES entry for a `postgresql://user:password@host:port/name` address.

    There may be several hosts, separated by commas. What libpq knows after `?` becomes OPTIONS.
    ValueError for an address of another form.
    """
    named = _parse_database_url(url)
    entry: dict[str, object] = {"ENGINE": "django.db.backends.postgresql"}
    for name, parameter in _DJANGO_NAMES.items():
        entry[name] = str(named.pop(parameter, ""))
    return {**entry, "OPTIONS": named} if named else entry


def _parse_database_url(url: str) -> dict[str, object]:
    """Return libpq's parameters of an address; a ValueError never has the password in it."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise ValueError("must start with postgresql://")
    try:
        named: dict[str, object] = {**conninfo_to_dict(url)}
    except psycopg.ProgrammingError:
        raise ValueError("must look like postgresql://user:password@host:port/name") from None
    ports = str(named.get("port", "")).split(",")
    if not all(port.isdecimal() and int(port) < 65536 for port in ports if port):
        raise ValueError("must have a number after the colon of a host")
    return named
