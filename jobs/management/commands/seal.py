"""`manage.py seal`: sign a digest of every head that has moved since the last seal."""

from __future__ import annotations

import getpass
import json
import os
import socket
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.records.keys import read_public
from core.words import counted
from jobs.integrity import seals
from jobs.integrity.seals.adopt import last_seal
from jobs.management.base import ServiceCommand


class Command(ServiceCommand):
    help = (
        "Sign a digest of every head that has moved since the last seal. Where none has, say so "
        "and write nothing. Seals whose files have no rows get them back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what else to do, and what to print."""
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument(
            "--public-key", action="store_true", help="print the public key (PEM), seal nothing"
        )
        parser.add_argument(
            "--acknowledge", type=int, metavar="N",
            help="after a restore: accept that the log no longer has what the seals newer than the "
            "database vouch for, up to seal N, the newest; without --reason only show what is lost",
        )  # fmt: skip
        parser.add_argument("--reason", help="why the seals are acknowledged; it is signed")
        parser.add_argument(
            "--key", action="append", default=[], metavar="PUBLICKEY",
            help="a key that signed files before the installation's key was changed: a PEM file or "
            "64 hex digits; may be repeated",
        )  # fmt: skip

    def handle(
        self, *_: Any, json: bool, public_key: bool, acknowledge: int | None, reason: str | None,
        key: list[str], **__: Any,
    ) -> None:  # fmt: skip
        """Seal, acknowledge or print the key; CommandError where key or files cannot be used."""
        if public_key and acknowledge is not None:
            raise CommandError("--public-key seals nothing: leave out --acknowledge.")
        if reason is not None and acknowledge is None:
            raise CommandError("--reason belongs to --acknowledge.")
        try:
            keys = [read_public(text) for text in key]
            if public_key:
                self.stdout.write(seals.public_key(), ending="")
            elif acknowledge is not None:
                self._acknowledge_seals(acknowledge, reason, keys, json)
            else:
                self._make_seal(keys, json)
        except ValueError as error:
            raise CommandError(str(error)) from error

    def _make_seal(self, keys: list[str], json: bool) -> None:
        adopted, problems = list[int](), dict[int, str]()

        def on_adopt(number: int, problem: str | None) -> None:
            if problem is not None:
                problems[number] = problem
            else:
                adopted.append(number)
            if not json:
                self.stdout.write(_adopted_words(number, problem))

        made = seals.seal_heads(keys=keys, on_adopt=on_adopt)
        self.stdout.write(_as_json(made, adopted, problems) if json else _as_words(made))

    def _acknowledge_seals(
        self, last: int, reason: str | None, keys: list[str], json: bool
    ) -> None:
        """Show what is lost and, where there is a reason, acknowledge it."""
        found = seals.preview_loss(last, keys=keys)
        if not json:
            self.stdout.write(_preview_words(found))
        made = None
        if reason is not None:
            made = seals.acknowledge_seals(last, reason, _caller_name(), keys=keys)
        if json:
            self.stdout.write(_acknowledged_json(made, found))
        elif made is not None:
            self.stdout.write(f"{_as_words(made)}; acknowledges {_seals_words(found)}")
        if made is None:
            raise CommandError("Nothing was written. To acknowledge this, add --reason.")


def _caller_name() -> str:
    """Return who runs the command: the account and the machine."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as containers have
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"


def _as_words(made: seals.Sealed | None) -> str:
    if made is None:
        return f"Nothing to seal: no head has moved since seal {last_seal()[0]}."
    heads = counted(made.heads, "head")
    return f"Seal {made.number}: {heads}, digest {made.digest}, file {made.file}"


def _as_json(made: seals.Sealed | None, adopted: list[int], problems: dict[int, str]) -> str:
    found: dict[str, Any] = {"adopted": adopted} if adopted else {}
    if problems:
        found["not_adopted"] = {str(number): problem for number, problem in problems.items()}
    if made is None:
        return json.dumps({"sealed": False, "last": last_seal()[0], **found})
    return json.dumps({"sealed": True, **asdict(made), **found})


def _acknowledged_json(made: seals.Sealed | None, found: seals.Preview) -> str:
    result = {"sealed": made is not None, **(asdict(made) if made else {})}
    return json.dumps({**result, "acknowledges": found.as_dict()})


def _adopted_words(number: int, problem: str | None) -> str:
    if problem is None:
        return f"Seal {number} had a file but no row: it has its row again."
    return f"Seal {number} has a file but no row, and cannot have it back: {problem.rstrip('.')}."


def _preview_words(found: seals.Preview) -> str:
    lines = [f"Seal {seal.seal} of {seal.at}: {seal.words}" for seal in found.seals]
    lines += [f"  {head}" for head in found.examples]
    return "\n".join([*lines, f"Lost: sealed heads of {counted(found.jobs, 'job')}."])


def _seals_words(found: seals.Preview) -> str:
    numbers = [str(seal.seal) for seal in found.seals]
    return f"seal{'s' * (len(numbers) > 1)} {', '.join(numbers)}"
