"""Credentials for tests, with a file of keys of the test's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import override_settings

from jobs.models import Credential, Team
from jobs.secrets import credentials
from jobs.system_log import unrecorded


@contextmanager
def keys_in(folder: Path) -> Iterator[Path]:
    """Have the keys for secrets in a folder; yield their file."""
    file = folder / "secret_keys"
    with override_settings(REPRISE=settings.REPRISE.with_changes(secret_keys=file)):
        yield file


@unrecorded()
def make_credential(
    name: str,
    value: str = "",
    team: Team | None = None,
    users: Sequence[Team] = (),
    type: str = Credential.TOKEN,
    **stored: Any,
) -> Credential:
    """Make a credential with a value, or with `store` and `reference`."""
    made = Credential(name=name, type=type, team=team, **stored)
    if value:
        credentials.set_value(made, value)
    made.save(force_insert=True)
    made.users.set(users)
    return made
