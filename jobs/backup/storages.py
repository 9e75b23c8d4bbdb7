"""Files of Django's storages in a backup, and the keys, which are kept apart from it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from hashlib import file_digest
from pathlib import Path

from django.conf import settings
from django.core.files.storage import Storage, storages

from core.files import sync_path, whole_file
from jobs.backup.programs import BackupFailed

#: The storages whose files belong to the log.
NAMES = ("seals", "archive")
_BLOCK_BYTES = 1024 * 1024


def copy_storage(
    name: str, to: Path, before: Path | None = None, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Copy all files of a storage into a folder; return the SHA-256 of each by its name.

    Nobody writes these files twice: one that the backup `before` has, of the same size, becomes a
    link to that one, whose sum is `known`.
    """
    to.mkdir(mode=0o700, parents=True)
    storage, sums, known = storages[name], dict[str, str](), known or {}
    for file in walk_storage(storage):
        target = to / file
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        old = before / file if before else None
        if old and file in known and old.is_file() and old.stat().st_size == storage.size(file):
            os.link(old, target)
            sums[file] = known[file]
            continue
        with storage.open(file, "rb") as source, whole_file(target, mode=0o400) as copy:
            shutil.copyfileobj(source, copy, _BLOCK_BYTES)
        sums[file] = sum_of(target)
    return sums


def walk_storage(storage: Storage, folder: str = "") -> Iterator[str]:
    """Yield the names of all files of a storage."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return  # nothing was ever kept there
    yield from (f"{folder}{name}" for name in sorted(files) if not name.startswith("."))
    for name in sorted(folders):
        yield from walk_storage(storage, f"{folder}{name}/")


def copy_back(source: Path, to: Path, sums: Mapping[str, str]) -> None:
    """Copy the files of a backup's folder; BackupFailed where one is not what it was."""
    to.mkdir(mode=0o700, parents=True)
    for name, wanted in sums.items():
        target = to / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            shutil.copyfile(source / name, target)
        except OSError as error:
            raise BackupFailed(f"{source / name} cannot be read: {error.strerror}.") from error
        if sum_of(target) != wanted:
            raise BackupFailed(f"{source / name} was changed after the backup.")


def add_later(name: str, to: Path) -> None:
    """Add what a storage of this installation has beside what a backup had: files made since.

    They are only there if the storage was not lost with the database.
    """
    storage = storages[name]
    for file in walk_storage(storage):
        target = to / file
        if not target.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with storage.open(file, "rb") as source, whole_file(target, mode=0o400) as copy:
                shutil.copyfileobj(source, copy, _BLOCK_BYTES)


def copy_keys(to: Path, backups: Path) -> None:
    """Copy the installation's keys into a folder; BackupFailed where that is with the backups."""
    to, backups = to.expanduser().resolve(), backups.resolve()
    if to.is_relative_to(backups) or backups.is_relative_to(to):
        raise BackupFailed("Keep the keys apart: who gets the backups must not get both.")
    config = settings.REPRISE
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = {"secret_key": config.secret_key.encode()}
    for name, path in (("secret_keys", config.secret_keys), ("seal_key", config.seal_key)):
        if path.is_file():
            kept[name] = path.read_bytes()
    for name, content in kept.items():
        with whole_file(to / name, mode=0o600) as file:
            file.write(content)


def sum_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def sync_tree(folder: Path) -> None:
    """Have the folders of a tree written to the disk; their files are already."""
    for root, _folders, _files in os.walk(folder):
        sync_path(root)
