"""Folders for a server's data and binaries that the user it runs as can reach."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ops.embedded.account import Account
from ops.errors import CannotStart

ELSEWHERE = Path("/var/lib/reprise")
"""Root's own, for data and binaries that another user could not reach where they belong."""


def data_folder(folder: Path, name: str, account: Account | None) -> Path:
    """Return (made, and the account's own) the folder for a server's data.

    It is `folder/name`, or under `/var/lib/reprise/` where the account cannot reach that.
    CannotStart where neither can be made.
    """
    _prune()
    inside = folder / name
    try:
        inside.mkdir(parents=True, exist_ok=True)
        if account is None:
            return inside
        os.chown(inside, account.uid, account.gid)
        if account.can("w", inside):
            return inside
        inside.rmdir()
        place = ELSEWHERE / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
        (place / name).mkdir(parents=True, exist_ok=True)
        (place / "belongs-to").write_text(str(folder.resolve()))
        os.chown(place / name, account.uid, account.gid)
    except OSError as error:
        raise CannotStart(
            f"Cannot make {name}'s data folder {error.filename}: {error.strerror}."
        ) from error
    return place / name


def package(name: str, account: Account | None) -> Path:
    """Return the folder of an installed package whose files the account can read and run.

    The package's own, or a copy under `/var/lib/reprise/bin/`, made once for each version, with the
    shared libraries that a wheel keeps beside its package (`<name>.libs`) beside it.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(f"The package {name} is not installed: install requirements/local.txt.")
    source = Path(spec.submodule_search_locations[0])
    if account is None or account.can("x", source):
        return source
    target = ELSEWHERE / "bin" / f"{name}-{importlib.metadata.version(name)}"
    if not target.exists():
        _copy(source, target)
    return target / name


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as made:
        new = Path(made) / "new"
        for part in (source, source.with_name(f"{source.name}.libs")):
            if part.is_dir():
                skipped = shutil.ignore_patterns("include", "__pycache__")
                shutil.copytree(part, new / part.name, symlinks=True, ignore=skipped)
        for path in [new, *new.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        try:
            new.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            # somebody else copied the same version meanwhile: theirs is as good


def _prune() -> None:
    """Remove data kept elsewhere for a folder that is gone (a test's, a deleted clone's)."""
    if os.geteuid() != 0:
        return
    for note in ELSEWHERE.glob("*/belongs-to"):
        if not Path(note.read_text()).exists() and not _in_use(note.parent):
            shutil.rmtree(note.parent, ignore_errors=True)


def _in_use(place: Path) -> bool:
    for lock in place.glob("*/data/postmaster.pid"):
        pid = lock.read_text().split("\n", 1)[0].strip()
        if Path("/proc", pid).exists():
            return True
    return False


def load(path: Path) -> dict[str, Any]:
    """Return the JSON object kept in `path`, {} if there is none; CannotStart if unreadable."""
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CannotStart(f"Cannot read {path}: {error}.") from error
    return kept if isinstance(kept, dict) else {}


def save(path: Path, value: object) -> None:
    """Write JSON to `path` at once or not at all, readable by its owner only."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(value, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise CannotStart(f"Cannot write {path}: {error.strerror}.") from error
