"""What a transport is given to run: whether it can be, and the words for what cannot."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.transports.errors import CommandUnusable

NOT_FOUND = 127  # as shells have it
NOT_RUNNABLE = 126
NO_COMMAND = "command not found"
NO_FOLDER = "no such folder"
DENIED = "permission denied"


def check_arguments(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Raise CommandUnusable for what no process can be given."""
    if not argv:
        raise CommandUnusable("The command is empty.")
    for word in (*argv, *env, *env.values()):
        if not isinstance(word, str):
            raise CommandUnusable(f"A command's words must be strings; {word!r} is none.")
        if "\0" in word:
            raise CommandUnusable(f"A command's words cannot hold a NUL: {word[:80]!r}.")
        try:
            os.fsencode(word)
        except UnicodeEncodeError as error:
            raise CommandUnusable(f"A word of the command cannot be encoded: {error}.") from error
    if names := [name for name in env if not name or "=" in name]:
        raise CommandUnusable(f"Invalid name of a variable: {names[0]!r}.")


def find_refusal(argv: Sequence[str], path: str, cwd: str | None) -> tuple[int, str] | None:
    """Return the status and words of a command that this machine cannot run; None if it can."""
    word = argv[0]
    if cwd and not Path(cwd).is_dir():
        return NOT_RUNNABLE, f"{cwd}: {NO_FOLDER}"
    if cwd and not os.access(cwd, os.X_OK):
        return NOT_RUNNABLE, f"{cwd}: {DENIED}"
    places = command_candidates(word, path, cwd)
    if not places:
        return NOT_FOUND, f"{word}: {NO_COMMAND}"
    return None if any(map(_is_executable, places)) else (NOT_RUNNABLE, f"{word}: {DENIED}")


def find_command(word: str, path: str, cwd: str | None) -> str:
    """Return where a command that `refusal` lets pass is."""
    return next(
        str(place) for place in command_candidates(word, path, cwd) if _is_executable(place)
    )


def command_candidates(word: str, path: str, cwd: str | None) -> list[Path]:
    """Return what there is by a command's first word, in the order in which it is looked for.

    A folder that may not be entered has nothing (pathlib would raise there).
    """
    if not word:
        return []
    if "/" in word:
        there = Path(cwd or ".", word).absolute()
        return [there] if os.path.exists(there) else []
    places = [Path(cwd or ".", folder, word) for folder in path.split(os.pathsep)]
    return [place.absolute() for place in places if os.path.isfile(place)]


def _is_executable(place: Path) -> bool:
    return os.path.isfile(place) and os.access(place, os.X_OK)
