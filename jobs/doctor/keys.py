"""Checks of keys: that their files are there, private, and have what the database needs."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from core.words import counted
from jobs.access import factor_secrets
from jobs.access.sso import sessions
from jobs.doctor.check import Check, Doubt, Flaw
from jobs.doctor.database import MIGRATIONS
from jobs.integrity.seals import public_key
from jobs.models import Seal
from jobs.secrets import keys, store

SECRET_KEY_LENGTH = 32


def key_checks() -> list[Check]:
    """Return the checks of keys."""
    return [
        Check("secret key", check_secret_key),
        Check("secret keys", check_secret_keys, MIGRATIONS),
        Check("seal key", check_seal_key, MIGRATIONS),
    ]


def check_secret_key() -> str:
    """Look at the key that sessions and tickets are signed with."""
    path = settings.REPRISE.state / "secret_key"
    if len(settings.SECRET_KEY) < SECRET_KEY_LENGTH:
        raise Flaw(f"shorter than {SECRET_KEY_LENGTH} characters: set a random REPRISE_SECRET_KEY")
    if "REPRISE_SECRET_KEY" in os.environ:
        return "from REPRISE_SECRET_KEY"
    folder: Path | None = settings.REPRISE.secrets_dir
    if folder and (folder / "REPRISE_SECRET_KEY").exists():
        return f"from {folder}"
    require_private(path)
    return f"in {path}; with several hosts give all the same REPRISE_SECRET_KEY"


def check_secret_keys() -> str:
    """Look whether the file has every key that something in the database is encrypted with."""
    path: Path = settings.REPRISE.secret_keys
    used = Counter(store.by_key()) + factor_secrets.by_key() + Counter(sessions.by_key())
    if path.exists():
        require_private(path)
    here = {key.id for key in keys.key_ring()}
    if missing := sorted(used.keys() - here):
        count = counted(sum(used[key] for key in missing), "secret")
        raise Flaw(f"{path} lacks {', '.join(missing)}, under which {count} are: {_copy(path)}")
    if not here:
        return "none yet: the first secret makes one"
    return f"{counted(len(here), 'key')} in {path}"


def _copy(path: Path) -> str:
    return f"copy the file from the host that has them, or from its backup, to {path}"


def check_seal_key() -> str:
    """Look whether the key of seals, where this user may see it, is private and can be used."""
    path: Path = settings.REPRISE.seal_key
    if not settings.REPRISE.seal_hours:
        return "seals are off (REPRISE_SEAL_HOURS=0)"
    try:
        there = path.exists() and os.access(path, os.R_OK)
    except PermissionError:
        there = False
    if there:
        require_private(path)
        public_key()
        return f"{path} can be used; keep a copy apart from the database"
    if not Seal.objects.exists():
        raise Doubt(f"no key at {path} and no seal yet: start the sealer, which makes both")
    return "not this user's to read, as it should be: run doctor as the sealer's user to check it"


def require_private(path: Path) -> None:
    """Raise Flaw unless a file is for its owner alone."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077 and not _is_given(path):
        raise Flaw(f"{path} has mode {mode:04o}: chmod 600 {path}")


def _is_given(path: Path) -> bool:
    """Return whether a service manager has put a file there, whose modes are its own."""
    places: Iterable[str] = filter(None, [os.environ.get("CREDENTIALS_DIRECTORY"), "/run/secrets"])
    return any(path.is_relative_to(place) for place in places)
