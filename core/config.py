"""What an installation can set, read once from the environment when a process starts."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyNetwork, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.config_values import (
    OTHERS,
    check_database_url,
    check_file,
    check_folder,
    check_http_url,
    check_mail_url,
    check_origin,
    check_origins,
    check_redis_url,
    check_webhook_secret,
    seals_entry,
    split_approvals,
    split_limits,
    split_words,
    storage_entry,
)
from core.secret_stores import SecretStore, parse_stores
from core.sign_in_settings import check_issuer, check_roles, find_conflicts, split_groups

PREFIX = "REPRISE_"
# Names with our prefix that other programs of the project read, or that a command is given.
NOT_OURS = frozenset(
    f"{PREFIX}{name}"
    for name in (
        "SUPERUSER_DATABASE_URL", "VENV", "FLEET_SPEED", "UP_LOCK", "UP_BEGAN", "SERVER", "TOKEN",
        "JOB", "FENCE", "STEP", "TARGET", "ATTEMPT", "TALLY", "PICTURES", "ORPHANS", "TEST_SEED",
        "TEST_POSTGRES", "TEST_REDIS",
    )
)  # fmt: skip
EVERY_KIND = "*"
# Services of which no part of an address names a file or a program of this machine.
NOTICE_CHANNELS = (
    "mail", "slack", "msteams", "workflows", "tgram", "ntfy", "ntfys", "discord", "mmost", "mmosts",
    "rocket", "rockets", "gchat", "gotify", "gotifys", "pover", "zulip", "webex", "pagerduty",
    "opsgenie", "json", "jsons",
)  # fmt: skip
LONGEST_DAYS = 3652
SECRET = frozenset(
    {
        "database_url", "mail_url", "oidc_client_secret", "redis_url", "secret_key",
        "secret_stores", "sentry_dsn", "webhook_secret", "webhook_url",
    }
)  # fmt: skip


class UnusableSettings(Exception):
    """Some settings cannot be used; the message has a line for each, naming its variable."""


def in_state(name: str) -> Any:
    """Return a field that defaults to `name` in the state folder."""
    return Field(
        default_factory=lambda data: data.get("state", Path()) / name, validate_default=True
    )


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_words)]
File = Annotated[Path, AfterValidator(lambda path: path.expanduser().resolve())]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(split_words)]
Files = Annotated[tuple[File, ...], NoDecode, BeforeValidator(split_words)]
Entry = dict[str, Any]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Hours = Annotated[float, Field(gt=0, le=LONGEST_DAYS * 24)]
Days = Annotated[float, Field(gt=0, le=LONGEST_DAYS)]
DaysOrNone = Annotated[float, Field(ge=0, le=LONGEST_DAYS)]
Count = Annotated[int, Field(ge=0)]


class Config(BaseSettings):
    """The installation's settings; durations in seconds; docs/reference/settings.md lists them.

    A field is set by its name in capitals after `REPRISE_`, unless it names another variable. An
    empty variable counts as absent. What no variable sets, a file of its name in `secrets_dir` may.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    state: File = Field(default=Path(".state"), validate_default=True)
    secrets_dir: Annotated[File, AfterValidator(check_folder)] | None = None
    database_url: Annotated[str, AfterValidator(check_database_url)] = Field(
        "postgresql://reprise@127.0.0.1:5432/reprise", validation_alias="DATABASE_URL"
    )
    redis_url: Annotated[str, AfterValidator(check_redis_url)] = Field(
        "redis://127.0.0.1:6379/0", validation_alias="REDIS_URL"
    )
    log_format: Literal["text", "json"] = "text"
    sentry_dsn: Annotated[str, AfterValidator(check_http_url)] = ""
    otlp_endpoint: Annotated[str, AfterValidator(check_http_url)] = ""
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    health_bind: str = "127.0.0.1"
    debug: bool = False
    secret_key: str = ""
    allowed_hosts: Words = ("localhost", "127.0.0.1", "[::1]")
    trusted_origins: Annotated[Words, AfterValidator(check_origins)] = ()
    public_url: Annotated[str, AfterValidator(check_origin)] = ""
    trusted_proxies: Networks = ()
    secure_cookies: bool = False
    hsts_seconds: Count = 0
    refused_passwords: Annotated[File, AfterValidator(check_file)] | None = None
    max_body_bytes: Annotated[int, Field(ge=1)] = 1024 * 1024
    sign_in_attempts: Count = 5
    sign_in_attempts_per_address: Count = 300
    sign_in_wait_seconds: SecondsOrNone = 300
    local_sign_in: Literal["on", "staff", "off"] = "on"
    mfa_required: Annotated[Words, AfterValidator(check_roles)] = ()
    mfa_after_oidc: bool = False
    oidc_issuer: Annotated[str, AfterValidator(check_issuer)] = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_name: str = "single sign-on"
    oidc_scopes: Words = ("profile", "email")
    oidc_user_claim: str = "preferred_username"
    oidc_groups_claim: str = "groups"
    oidc_groups: Annotated[
        Mapping[str, frozenset[str]], NoDecode, BeforeValidator(split_groups)
    ] = {}
    oidc_check_seconds: Seconds = 30
    oidc_grace_seconds: SecondsOrNone = 600
    oidc_roles_days: Seconds = 7
    system_log_months: Count = 0
    requests_per_minute: Count = 12_000
    anonymous_requests_per_minute: Count = 1200
    jobs_per_hour: Count = 0
    job_output_characters: Count = 200_000_000
    job_events: Count = 2_000_000
    session_idle_hours: Hours = 7 * 24
    session_max_hours: Hours = 14 * 24
    token_days: Days = 90
    token_max_days: DaysOrNone = 365
    lease_seconds: Seconds = 10
    cancel_grace_seconds: SecondsOrNone = 10
    heartbeat_seconds: Seconds = 15
    rotate_seconds: SecondsOrNone = 60
    compress_streams: bool = True
    poll_seconds: Seconds = 1
    access_seconds: Seconds = 60
    max_followers: Count = 10_000
    max_followers_per_user: Count = 2000
    max_followers_per_job: Count = 5000
    new_followers_per_second: SecondsOrNone = 500
    pages_bytes: Count = 128 * 1024 * 1024
    drain_seconds: SecondsOrNone = 3
    ticket_seconds: Seconds = 60
    sweep_seconds: Seconds = 2
    park_seconds: SecondsOrNone = 5
    worker_runs: Annotated[int, Field(ge=1)] = 32
    four_eyes: bool = False
    approvals: Annotated[
        Mapping[str, frozenset[str]], NoDecode, BeforeValidator(split_approvals)
    ] = {}
    rights: Literal["open", "granted"] = "open"
    local: Literal["isolated", "trusted"] = "isolated"
    local_writable: Files = ()
    dispatch: str = "jobs.queue.postgres.Procrastinate"
    limits: Annotated[Mapping[str, int], NoDecode, BeforeValidator(split_limits)] = {}
    kinds: Words = ()
    archive: Annotated[Entry, NoDecode, BeforeValidator(storage_entry)] = in_state("archive")
    seals: Annotated[Entry, NoDecode, BeforeValidator(seals_entry)] = in_state("seals")
    seal_key: File = in_state("seal_key")
    seal_hours: SecondsOrNone = 24
    backups: File = in_state("backups")
    postgres_programs: File | None = None
    secret_keys: File = in_state("secret_keys")
    secret_stores: Annotated[
        Mapping[str, SecretStore], NoDecode, BeforeValidator(parse_stores)
    ] = {}
    secret_cache_seconds: SecondsOrNone = 30
    consumers: Words = ()
    webhook_url: str = ""
    webhook_secret: Annotated[str, AfterValidator(check_webhook_secret)] = ""
    mail_url: Annotated[str, AfterValidator(check_mail_url)] = ""
    mail_from: str = "reprise@localhost"
    notice_channels: Words = NOTICE_CHANNELS
    notice_networks: Networks = ()
    stuck_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30
    ssh_known_hosts: File = Field(default=Path("~/.ssh/known_hosts"), validate_default=True)
    ssh_keys: Words = ()
    ssh_connect_seconds: Seconds = 10
    ssh_silence_seconds: Seconds = 10
    ssh_place_seconds: SecondsOrNone = 3600

    @classmethod
    def from_env(cls) -> Config:
        """Read the environment; UnusableSettings for a value that does not fit or a misspelt name.

        Any other name with our prefix is named on stderr and ignored.
        """
        files = os.environ.get(f"{PREFIX}SECRETS_DIR") or None
        try:
            config = cls(_secrets_dir=files if files and Path(files).is_dir() else None)
        except ValidationError as error:
            # A default that needs another field says so where that field is the one at fault.
            wrong = [one for one in error.errors() if one["type"] != "default_factory_not_called"]
            raise UnusableSettings("\n".join(map(_as_line, wrong))) from None
        for name, near in unknown_names(os.environ).items():
            if near is not None:
                raise UnusableSettings(f"{name} is not a setting: did you mean {near}?")
            print(f"{name} is not a setting of Reprise and is ignored.", file=sys.stderr)  # noqa: T201
        if conflicts := find_conflicts(config):
            raise UnusableSettings("\n".join(conflicts))
        if config.secret_key:
            return config
        return config.with_changes(secret_key=secret(config.state / "secret_key"))

    def approval_rules(self, kind: str) -> frozenset[str]:
        """Return what the installation asks of approvals of a kind's jobs: `start`, `others`."""
        named = (self.approvals.get(name, frozenset()) for name in (EVERY_KIND, kind))
        return frozenset({OTHERS} if self.four_eyes else ()).union(*named)

    def with_changes(self, **changes: object) -> Config:
        """Return a copy with some fields changed; the values are not checked."""
        return self.model_copy(update=changes)


def variable_names() -> set[str]:
    """Return the names of all variables that set something here."""
    fields = Config.model_fields.items()
    return {str(field.validation_alias or f"{PREFIX}{name}".upper()) for name, field in fields}


def unknown_names(env: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables with our prefix that are no setting, each with the name it resembles."""
    known = variable_names() | NOT_OURS
    unknown = sorted(name for name in env if name.startswith(PREFIX) and name not in known)
    return {name: next(iter(get_close_matches(name, known, 1, 0.85)), None) for name in unknown}


def secret(path: Path) -> str:
    """Return the secret kept in `path`, making it (0600) when the file is missing."""
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


def _as_line(error: ErrorDetails) -> str:
    """Return one line about a value that cannot be used; a secret's value is left out."""
    name = str(error["loc"][0])
    variable = name if name.isupper() else f"{PREFIX}{name}".upper()
    place = ".".join(map(str, error["loc"][1:]))
    reason = (f"{place}: " if place else "") + error["msg"].removeprefix("Value error, ")
    is_secret = variable.lower().removeprefix(PREFIX.lower()) in SECRET
    return f"{variable}: {reason}" + ("" if is_secret else f" (it is {error['input']!r})")
