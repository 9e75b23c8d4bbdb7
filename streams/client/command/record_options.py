"""What `reprise record`, `reprise evidence` and `reprise verify` are told."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.records.options import add_redaction_options

RECORD_DESCRIPTION = """\
Write records of jobs: a header, and every event exactly as stored. The chain of hashes is checked
on the way. Of a job that goes on, what there is now."""
RECORD_EPILOG = """\
POINTER is a JSON pointer into an event: /data/params/password, /data/text; * stands for any member
or item. What is left out can be proved: the record has a commitment to each value, and the file of
--disclosures opens them.

exit status:
  0  written                  2  wrong usage
  4  refused: not found, not signed in, a broken chain …
  5  unreachable"""
EVIDENCE_DESCRIPTION = """\
Write a record of a job whose header also says what was asked for, who approved, and whose seal
vouches for it. `reprise verify` checks it anywhere."""
VERIFY_DESCRIPTION = """\
Check records and evidence, without a server: every hash, the seal's signature and its proof, and
that the header says what the events do."""
VERIFY_EPILOG = """\
exit status:
  0  all hold                 1  one does not, and it says which line and why
  2  wrong usage"""

AddServer = Callable[[argparse.ArgumentParser], None]


def add_commands(commands: Any, add_server_options: AddServer) -> None:
    """Declare the three commands; `commands` is what `add_subparsers` returned."""
    record = _add_command(
        commands, "record", "write records of jobs", RECORD_DESCRIPTION, RECORD_EPILOG
    )
    record.add_argument("job", nargs="+", metavar="JOB", help="the job's address, or its id")
    record.add_argument(
        "--output", type=Path, metavar="PATH",
        help="a file instead of standard output; a folder where there are several jobs",
    )  # fmt: skip
    evidence = _add_command(
        commands, "evidence", "write evidence of what a job did", EVIDENCE_DESCRIPTION,
        RECORD_EPILOG,
    )  # fmt: skip
    evidence.add_argument("job", nargs=1, metavar="JOB", help="the job's address, or its id")
    evidence.add_argument(
        "--output", type=Path, metavar="FILE", help="a file instead of standard output"
    )
    for command in (record, evidence):
        add_server_options(command)
        add_redaction_options(command)
    _add_verify(commands)


def _add_verify(commands: Any) -> None:
    verify = _add_command(
        commands, "verify", "check records and evidence", VERIFY_DESCRIPTION, VERIFY_EPILOG
    )
    add = verify.add_argument
    add("file", nargs="+", type=Path, metavar="FILE", help="a record, or evidence")
    add(
        "--key", action="append", default=[], metavar="PUBLICKEY",
        help="whose seal has to vouch for each: a PEM file or 64 hex digits; may be repeated",
    )  # fmt: skip
    add(
        "--original", type=Path, metavar="FILE",
        help="the record that a redacted one was made of: nothing else may differ",
    )  # fmt: skip
    add(
        "--disclosures", type=Path, metavar="FILE",
        help="values that were left out, with their salts: all of these, or some",
    )  # fmt: skip


def _add_command(
    commands: Any, name: str, help: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=description, epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    return made
