"""What `reprise fork` is told."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

DESCRIPTION = """\
Make a new job that keeps the recorded steps of one that is over, and goes on from there: what is
kept is not run again. It prints the address of the new job's page."""
EPILOG = """\
exit status:
  0  the job was made         2  wrong usage
  4  refused: not over, nothing failed, its log was changed, not signed in …
  5  unreachable"""


def add_command(
    commands: Any, add_server_options: Callable[[argparse.ArgumentParser], None]
) -> None:
    """Declare the command; `commands` is what `add_subparsers` returned."""
    fork = commands.add_parser(
        "fork", help="go on from the failed step of a job, as a new job", description=DESCRIPTION,
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = fork.add_argument
    add("job", metavar="JOB", help="the job's address, or its id")
    add_server_options(fork)
    add(
        "--at", type=_parse_place, default="failed", metavar="SEQ",
        help="keep what is recorded up to this event (default: each target goes on from its"
        " failed step)",
    )  # fmt: skip
    add("--target", action="append", dest="targets", metavar="NAME", help="this target only")
    add(
        "--param", action="append", dest="params", metavar="NAME=VALUE",
        help="another value, as JSON or text, for a parameter",
    )  # fmt: skip
    add("--key", help="an idempotency key: the same command again makes no second job")
    add("--dry-run", action="store_true", help="only say what is kept and what runs again")
    add("--json", action="store_true", help="the job, or what is kept, as the API has it")


def _parse_place(text: str) -> int | str:
    return text if text == "failed" else int(text)
