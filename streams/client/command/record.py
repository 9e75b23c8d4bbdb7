"""`reprise record JOB …` and `reprise evidence JOB`: a job's log, checked, as a file."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.records.evidence import describe_evidence
from core.records.options import read_redaction
from core.records.record import make_header, record_lines
from core.records.redaction import Disclosure
from streams.client.addresses import Addresses
from streams.client.backoff import Patience
from streams.client.command.options import REACH_SECONDS, find_token
from streams.client.errors import Refused, Unreachable
from streams.client.follower import Follower
from streams.client.transports.http import Door, read_json

Lines = Iterable[str]


class Recording:
    """What a command is to write; ValueError if the arguments cannot be used.

    `page` is the address of the job that is being recorded.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        server = given.server or os.environ.get("REPRISE_SERVER", "")
        token = find_token(given, os.environ)
        self._doors = [Door(Addresses(job, server), token) for job in given.job]
        self.page = ""
        self._evidence = given.command == "evidence"
        self._output: Path | None = given.output
        self._disclosures: Path | None = given.disclosures
        self._redaction = read_redaction(
            given.redact, given.redact_texts, masked=given.redact_masked
        )
        self._check_files()

    def _check_files(self) -> None:
        if len(self._doors) > 1 and self._disclosures is not None:
            raise ValueError("--disclosures is for one job.")
        if len(self._doors) > 1 and self._output is not None and not self._output.is_dir():
            raise ValueError(f"{self._output} is no folder: several jobs need one.")

    async def write_all(self) -> None:
        """Write each job's record. Raises Refused, Unreachable, OSError and RedactionRefused."""
        for door in self._doors:
            self.page = door.addresses.page
            lines, disclosures = await self._record(door)
            self._write_record(door, lines)
            if self._disclosures is not None:
                _write_file(self._disclosures, (one.line() for one in disclosures))

    async def _record(self, door: Door) -> tuple[Lines, list[Disclosure]]:
        known = await _read_seal(door)
        with _progress_bar(known["head"]) as advance:
            texts = await _read_texts(door, known, advance)
        more: dict[str, Any] = {"seal": known["seal"]}
        disclosures: list[Disclosure] = []
        if self._redaction:
            redacted = self._redaction.apply(texts)
            texts, disclosures = redacted.texts, redacted.disclosures
            more = {"redactions": redacted.header, **more}
        if self._evidence:
            more["evidence"] = describe_evidence(texts, known["seal"])
        header = make_header(door.addresses.job, texts, reprise=known["reprise"], **more)
        return record_lines(header, texts), disclosures

    def _write_record(self, door: Door, lines: Lines) -> None:
        if self._output is None:
            sys.stdout.buffer.writelines(f"{line}\n".encode() for line in lines)
            sys.stdout.buffer.flush()
            return
        inside = self._output / f"{door.addresses.job}.ndjson"
        path = inside if self._output.is_dir() else self._output
        _write_file(path, lines)
        print(f"{door.addresses.job} in {path}", file=sys.stderr)


async def _read_seal(door: Door) -> dict[str, Any]:
    """Return the job's head and what has sealed it."""
    try:
        async with asyncio.timeout(REACH_SECONDS):
            return await read_json(door, door.addresses.seal)
    except TimeoutError as error:
        raise Unreachable("timeout", "There was no answer in time.") from error
    finally:
        await door.close()


async def _read_texts(
    door: Door, known: dict[str, Any], advance: Callable[[int], None]
) -> list[str]:
    """Return the events up to the head that is known; Refused if they are not its history."""
    texts: list[str] = []
    last = ""
    patience = Patience(reach_s=REACH_SECONDS)
    async with Follower(
        door.addresses.page, token=door.token, verify=True, patience=patience
    ) as follower:
        async for event in follower:
            texts.append(event.raw.decode())
            last = event.hash
            advance(1)
            if event.seq == known["head"]:
                break
    if last != known["hash"]:
        raise Refused("history_diverged", "The server has another history than it said.")
    return texts


def _write_file(path: Path, lines: Lines) -> None:
    """Write a file that nobody else can read, as a whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(f"{line}\n".encode() for line in lines)
    beside.replace(path)


@contextmanager
def _progress_bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, only where that is a terminal; yield `advance(count)`."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("Recording"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)
