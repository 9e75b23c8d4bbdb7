"""A restored log verified by `verify --all`, in a process that has it as its database."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from core.command_line import command_words
from jobs.backup.programs import BackupFailed, clean_environment

MOST_SHOWN = 20
Row = dict[str, Any]


def restored_environment(url: str, folder: Path) -> dict[str, str]:
    """Return the environment of commands on a restored database and the files beside it."""
    return clean_environment(
        {
            "DATABASE_URL": url,
            "REPRISE_SUPERUSER_DATABASE_URL": url,
            "REPRISE_SEALS": str(folder / "seals"),
            "REPRISE_ARCHIVE": str(folder / "archive"),
        }
    )


def migrate(env: Mapping[str, str]) -> None:
    """Bring a restored database to this version of the code."""
    ran = subprocess.run(
        [*command_words(), "migrate", "--no-input", "--verbosity", "0", "--skip-checks"],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode != 0:
        raise BackupFailed(f"The restored database cannot be migrated: {ran.stderr.strip()}")


def verify_all(
    env: Mapping[str, str], last_row: int, last_file: int, keys: Sequence[str] = ()
) -> Row:
    """Verify every job and seal; return how many, and what is bad.

    Of seals the newest in the database is `last_row`, the newest file that is left `last_file`.
    Those after the first are `newer`: they vouch for events after the moment that was restored, and
    have to be acknowledged. Those after the second are `unfiled`: their files are lost.
    """
    words = [word for key in keys for word in ("--key", key)]
    found: Row = {
        "jobs": 0,
        "events": 0,
        "seals": 0,
        "newer_seals": [],
        "unfiled_seals": [],
        "bad": [],
        "bad_count": 0,
    }
    with TemporaryFile("w+") as errors:
        with subprocess.Popen(
            [*command_words(), "verify", "--all", "--json", *words],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
        ) as process:  # fmt: skip
            for line in process.stdout or ():
                _count(json.loads(line), last_row, last_file, found)
        errors.seek(0)
        reported = errors.read().strip()
    if process.returncode != 0 and not any(
        found[kind] for kind in ("bad_count", "newer_seals", "unfiled_seals")
    ):
        raise BackupFailed(f"The restored log cannot be verified: {reported[-500:]}")
    return found


def _count(verdict: Row, last_row: int, last_file: int, found: Row) -> None:
    if "job" in verdict:
        found["jobs"] += 1
        found["events"] += verdict.get("head", 0)
    else:
        found["seals"] += 1
        if not verdict["ok"] and verdict["seal"] > min(last_row, last_file):
            kind = "newer_seals" if verdict["seal"] > last_row else "unfiled_seals"
            found[kind].append(verdict)
            return
    if not verdict["ok"]:
        found["bad_count"] += 1
        if len(found["bad"]) < MOST_SHOWN:
            found["bad"].append(verdict)
