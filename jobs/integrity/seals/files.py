"""Where seals are kept as files: any storage of Django's; by default a folder, written durably."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from core.files import whole_file
from core.records.seal_text import file_name, number_of


class DurableFolder(FileSystemStorage):
    """A folder in which a file is there as a whole or not at all, also after a power cut."""

    def _save(self, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(self.directory_permissions_mode or 0o700, parents=True, exist_ok=True)
        with whole_file(path, mode=self.file_permissions_mode or 0o400, replace=False) as new:
            for chunk in content.chunks():
                new.write(chunk)
        return name


def seal_storage() -> Storage:
    """Return the storage of seals."""
    return storages["seals"]


def file_numbers() -> list[int]:
    """Return which seals have files, ascending."""
    try:
        _folders, names = seal_storage().listdir("")
    except FileNotFoundError:
        return []  # nothing was ever sealed
    return sorted(number for name in names if (number := number_of(name)) is not None)


def save_file(number: int, content: IO[bytes]) -> str:
    """Keep a seal's file; return its name. OSError if it cannot be kept under that name."""
    name = file_name(number)
    kept = seal_storage().save(name, File(content))
    if kept != name:
        seal_storage().delete(kept)
        raise FileExistsError(f"There is a file {name} already.")
    return name


@contextmanager
def open_lines(number: int) -> Iterator[Iterator[str]]:
    """Open a seal's file as its lines, newlines kept; FileNotFoundError if there is none."""
    if not file_exists(number):
        raise FileNotFoundError(file_name(number))
    with seal_storage().open(file_name(number), "rb") as file:
        yield (line.decode(errors="replace") for line in file)


def first_line(number: int) -> str | None:
    """Return a seal's signed line, without its newline; None if it has no file."""
    try:
        with open_lines(number) as found:
            return next(found, "").rstrip("\n")
    except FileNotFoundError:
        return None


def file_exists(number: int) -> bool:
    """Return whether a seal has a file."""
    return seal_storage().exists(file_name(number))
