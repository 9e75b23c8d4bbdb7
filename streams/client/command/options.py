"""What `reprise` is told: its arguments and environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from streams.client.addresses import Addresses
from streams.client.backoff import Patience
from streams.client.command import check, fork_options, record_options
from streams.client.errors import BadCursor
from streams.client.fallback import LONG_POLL, OCTETS, SSE, TRANSPORTS, WEBSOCKET
from streams.client.follower import Follower
from streams.client.transports.http import Door

#: How long to try for the first connection before the server counts as unreachable.
REACH_SECONDS = 30.0
NAMES = {"websocket": WEBSOCKET, "sse": SSE, "octet-stream": OCTETS, "long-poll": LONG_POLL}

ABOUT = """\
Follow jobs of a Reprise server, compare them, keep records, go on from failed ones, check code."""
DESCRIPTION = """\
Follow a job to its end: a bar for each target, the output of its steps, and what becomes of the
connection, which is made again, over another transport where one is blocked, until every event has
come exactly once."""
EPILOG = """\
JOB is the address of a job's page or of its API, or a job's id with --server.

environment:
  REPRISE_TOKEN   the API token, where neither --token-file nor --token is given
  REPRISE_SERVER  what --server is otherwise
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY
                  proxies; SSL_CERT_FILE: certificates to trust

exit status:
  0  the job succeeded        1  it failed              3  it was cancelled
  2  wrong usage              4  refused: not found, not signed in, another history …
  5  unreachable              6  the job has ended, and the server does not say how
  130, 143  interrupted; the cursor to go on from is on standard error"""

DIFF_DESCRIPTION = """\
Compare two jobs: what was asked, how each ended, and what became of each step on each target.
Moments and durations do not count."""
DIFF_EPILOG = """\
exit status:
  0  they are the same        1  they differ
  2  wrong usage              4  refused: not found, not signed in …
  5  unreachable"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(prog="reprise", description=ABOUT)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    follow = commands.add_parser(
        "follow",
        help="follow a job to its end",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    follow.add_argument("job", metavar="JOB", help="the job's address, or its id")
    add_server_options(follow)
    _add_place_options(follow)
    _add_output_options(follow)
    diff = commands.add_parser(
        "diff",
        help="compare two jobs",
        description=DIFF_DESCRIPTION,
        epilog=DIFF_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    diff.add_argument("job", metavar="A", help="the first job's address, or its id")
    diff.add_argument("other", metavar="B", help="the second one's")
    add_server_options(diff)
    diff.add_argument("--json", action="store_true", help="the comparison as the API has it")
    record_options.add_commands(commands, add_server_options)
    fork_options.add_command(commands, add_server_options)
    # Its options are the service's: they are read there, `--help` too.
    commands.add_parser(check.COMMAND, help=check.HELP, add_help=False)
    return top


def add_server_options(command: argparse.ArgumentParser) -> None:
    """Declare which server to ask, and as whom."""
    command.add_argument("--server", metavar="URL", help="the server, where a job is only an id")
    token = command.add_mutually_exclusive_group()
    token.add_argument("--token", help="the API token; other users of this machine can see it")
    token.add_argument("--token-file", type=Path, metavar="FILE", help="a file with the API token")


def _add_place_options(follow: argparse.ArgumentParser) -> None:
    add = follow.add_argument
    add(
        "--after", default="0", metavar="CURSOR", help="begin after this event: 812-5f1c2a9b or 812"
    )
    add(
        "--transport", action="append", choices=NAMES, dest="transports",
        help="use this one only; several make a ladder, best first (all four)",
    )  # fmt: skip
    add(
        "--give-up", type=_parse_seconds, metavar="SECONDS",
        help="end with 5 after so long without a connection"
        f" (default: {REACH_SECONDS:g} before the first one, later never)",
    )  # fmt: skip


def _add_output_options(follow: argparse.ArgumentParser) -> None:
    add = follow.add_argument
    add("--json", action="store_true", help="each event on a line of standard output, as it came")
    add("--verify", action="store_true", help="check the hash chain; a break ends with 4")
    add("--output", action=argparse.BooleanOptionalAction, help="the output of steps (shown)")
    add("--quiet", action="store_true", help="nothing but errors")


def make_follower(
    given: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> Follower:
    """Return the follower that the arguments ask for; ValueError if they cannot be used."""
    limit: float | None = given.give_up
    patience = Patience(reach_s=REACH_SECONDS if limit is None else limit, give_up_s=limit)
    transports = [NAMES[name] for name in given.transports or ()]
    try:
        return Follower(
            given.job,
            server=given.server or environment.get("REPRISE_SERVER", ""),
            after=given.after,
            token=find_token(given, environment),
            transports=transports or TRANSPORTS,
            verify=given.verify,
            patience=patience,
        )
    except BadCursor as error:
        raise ValueError(f"{error}. Write 57-5f1c2a9b, 57, or 0.") from error


def make_pair(
    given: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> tuple[Door, Addresses]:
    """Return the way to the first job of a comparison, and the second; ValueError as above."""
    server = given.server or environment.get("REPRISE_SERVER", "")
    first, second = (Addresses(job, server) for job in (given.job, given.other))
    first.compare(second)
    return Door(first, find_token(given, environment)), second


def find_token(given: argparse.Namespace, environment: Mapping[str, str]) -> str | None:
    """Return the API token that the arguments or the environment name; ValueError for no token."""
    token: str = given.token or environment.get("REPRISE_TOKEN", "")
    if given.token_file is not None:
        try:
            token = given.token_file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "not a text"
            raise ValueError(f"{given.token_file}: {said}") from error
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("Invalid token: it has characters that no token has.")
    return token or None


def _parse_seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError
    return value
