"""The write-ahead log, kept as it is written, so that every moment can be restored."""

from __future__ import annotations

import shutil
from pathlib import Path

from jobs.backup.catalogue import Backup, Catalogue
from jobs.backup.make import ask_server
from jobs.backup.programs import (
    account,
    clean_environment,
    find_programs,
    hand_over,
    libpq_variables,
    run_program,
)

SLOT = "reprise_backup"
_TIMELINE = 8  # the digits that a file's name begins with


def follow_command(catalogue: Catalogue, url: str, slot: str) -> tuple[list[str], dict[str, str]]:
    """Return the command that keeps the log until it is ended, and its environment.

    The server keeps what it has not sent yet, in the slot, which is made here. The command
    reconnects by itself.
    """
    programs = find_programs(ask_server(url).major)
    catalogue.make_folder()
    catalogue.wal.mkdir(mode=0o700, exist_ok=True)
    words = ["--no-password", "--slot", slot]
    run_program(programs, "pg_receivewal", *words, "--create-slot", "--if-not-exists", url=url)
    command = [str(programs / "pg_receivewal"), *words]
    command += ["--directory", str(catalogue.wal), "--synchronous"]
    return command, clean_environment(libpq_variables(url))


def stage_wal(catalogue: Catalogue, backup: Backup, to: Path) -> Path:
    """Return a folder in which Postgres finds the log after a backup.

    That is the catalogue's, or as root a copy, since whom Postgres runs as cannot read that one.
    """
    if account() is None or not catalogue.wal.is_dir():
        return catalogue.wal
    to.mkdir(mode=0o700)
    for file in catalogue.wal.iterdir():
        if file.suffix == ".history" or file.name[_TIMELINE:] >= backup.first_wal[_TIMELINE:]:
            shutil.copyfile(file, to / file.name)
    hand_over(to)
    return to
