"""Django's command line, whose usual failures are one line instead of a traceback.

`manage.py` of a clone, and `reprise-manage` and `reprise-admin` of an installed wheel, call `main`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
from django.core.management import execute_from_command_line
from django.db.utils import OperationalError, ProgrammingError

CLOSED_PIPE = 141  # as a shell reports a program that SIGPIPE ended
NO_TABLES = "The database lacks tables of this version: run manage.py migrate"


def main() -> int:
    """Run the command that the command line names; return the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    return run(sys.argv)


def command_words() -> list[str]:
    """Return the words that start `main` in a process of its own, from any folder.

    Where there is a `manage.py` beside the packages it is used: its folder has the clone's kinds.
    """
    script = Path(__file__).resolve().parent.parent / "manage.py"
    start = [str(script)] if script.is_file() else ["-P", "-m", __name__]
    return [sys.executable, *start]


def run(argv: Sequence[str]) -> int:
    """Run a command; return the exit status, after a line on stderr where it failed as usual.

    Usual are a reader that has closed its pipe (`| head`), tables that are missing, and a database
    that does not answer.
    """
    try:
        execute_from_command_line(list(argv))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would fail once more at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except ProgrammingError as error:
        missing = psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn
        if not isinstance(error.__cause__, missing):
            raise
        return _fail(NO_TABLES)
    except OperationalError as error:
        return _fail(f"The database does not answer: {' '.join(str(error).split())}")
    return 0


def _fail(reason: str) -> int:
    print(reason, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
