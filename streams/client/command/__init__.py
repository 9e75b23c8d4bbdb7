"""`reprise`: follow a job, in words or as JSON; compare and fork jobs, keep records, check code."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import aclosing, suppress
from io import TextIOWrapper

from rich.console import Console

from core.terminal import plain_text, reveal
from streams.client.actions import Given, Told
from streams.client.command import check, diff, fork, options, printers
from streams.client.command.words import Notes
from streams.client.errors import FollowError, Unreachable
from streams.client.follower import Follower
from streams.client.transports.http import Door

STATUS = {"succeeded": 0, "failed": 1, "cancelled": 3}
USAGE, REFUSED, UNREACHABLE, UNKNOWN = 2, 4, 5, 6
INTERRUPTED, TERMINATED, NO_READER = 130, 143, 141
HINTS = {
    "not_signed_in": "Give a token by --token-file or REPRISE_TOKEN.",
    "cursor_ahead": "Begin again without --after.",
    "history_diverged": "Begin again without --after.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status (`options.EPILOG` lists them)."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == [check.COMMAND]:
        return _check(words[1:])
    given = options.make_parser().parse_args(words)
    return COMMANDS[given.command](given)


def _compare(given: argparse.Namespace) -> int:
    try:
        door, other = options.make_pair(given)
    except ValueError as error:
        return _print_error(str(error), USAGE)
    return _call_service(door, diff.print_diff(door, other, as_json=given.json))


def _fork(given: argparse.Namespace) -> int:
    try:
        door, body = fork.make_door(given), fork.fork_body(given)
    except ValueError as error:
        return _print_error(str(error), USAGE)
    return _call_service(door, fork.make_fork(door, given, body))


def _call_service(door: Door, work: Coroutine[None, None, int]) -> int:
    """Do what is a few calls of the service; return its exit status."""
    _replace_unprintable()
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _end_without_reader()
    except FollowError as error:
        return _print_failure(door.addresses.page, error)


def _record(given: argparse.Namespace) -> int:
    from streams.client.command import record  # with cryptography, which following does not need

    try:
        recording = record.Recording(given)
    except ValueError as error:
        return _print_error(str(error), USAGE)
    try:
        asyncio.run(recording.write_all())
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _end_without_reader()
    except (OSError, ValueError) as error:
        return _print_error(str(error), USAGE)
    except FollowError as error:
        return _print_failure(recording.page, error)
    return 0


def _verify(given: argparse.Namespace) -> int:
    from streams.client.command import verify

    _replace_unprintable()
    try:
        return verify.verify_files(given)
    except ValueError as error:
        return _print_error(str(error), USAGE)


def _check(words: Sequence[str]) -> int:
    try:
        return check.check_runs(words)
    except check.ServiceMissing as error:
        return _print_error(str(error), USAGE)


def _follow(given: argparse.Namespace) -> int:
    try:
        follower = options.make_follower(given)
        printer = _make_printer(given)
    except ValueError as error:
        return _print_error(str(error), USAGE)
    _replace_unprintable()
    try:
        return asyncio.run(_follow_job(follower, printer))
    except KeyboardInterrupt:
        return _exit_status(follower, INTERRUPTED)
    except asyncio.CancelledError:
        return _exit_status(follower, TERMINATED)
    except BrokenPipeError:
        return _end_without_reader()
    except FollowError as error:
        return _print_failure(follower.page, error)


def _replace_unprintable() -> None:
    """Let a sign that a terminal cannot show end nothing."""
    for file in (sys.stdout, sys.stderr):
        if isinstance(file, TextIOWrapper):
            file.reconfigure(errors="replace")


def _end_without_reader() -> int:
    # Python would complain once more when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return NO_READER


def _print_failure(page: str, error: FollowError) -> int:
    if isinstance(error, Unreachable):
        return _print_error(f"cannot reach {page}: {error.message}", UNREACHABLE)
    hint = HINTS.get(error.code, "")
    return _print_error(f"{page}: {error.message} ({error.code}) {hint}", REFUSED)


async def _follow_job(follower: Follower, printer: printers.Printer) -> int:
    notes = Notes()
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    if me is not None:
        with suppress(ValueError, RuntimeError):  # not the main thread: nobody sends us signals
            loop.add_signal_handler(signal.SIGTERM, me.cancel)
    with printer:
        async with aclosing(follower.stream()) as happenings:
            async for happening in happenings:
                if isinstance(happening, Given):
                    printer.events(happening.events)
                elif isinstance(happening, Told):
                    for note in notes.on(happening.info):
                        printer.note(reveal(plain_text(note)))
        for note in notes.on(follower.info):
            printer.note(reveal(plain_text(note)))
    return STATUS.get(follower.info.status or "", UNKNOWN)


def _make_printer(given: argparse.Namespace) -> printers.Printer:
    output = not given.quiet if given.output is None else given.output
    if given.json:
        notes = None if given.quiet else sys.stderr
        return printers.JsonLines(sys.stdout.buffer, notes, for_terminal=sys.stdout.isatty())
    if given.quiet and not output:
        return printers.Printer()
    console = Console()
    if console.is_terminal and not given.quiet:
        return printers.Bars(console, output=output)
    return printers.Plain(sys.stdout, sys.stderr, output=output)


def _exit_status(follower: Follower, status: int) -> int:
    info = follower.info
    left = f"left at #{info.seq} of #{info.head}"
    return _print_error(f"{left}; go on with --after {info.cursor}", status)


def _print_error(said: str, status: int) -> int:
    print(f"reprise: {reveal(plain_text(said)).strip()}", file=sys.stderr)
    return status


COMMANDS = {
    "follow": _follow,
    "diff": _compare,
    "fork": _fork,
    "record": _record,
    "evidence": _record,
    "verify": _verify,
}
