"""`manage.py seal`: sign a digest of every head that has moved since the last seal."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.words import counted
from jobs import seals
from jobs.management.base import ServiceCommand
from jobs.models import Seal


class Command(ServiceCommand):
    help = (
        "Sign a digest of every head that has moved since the last seal. Where none has, say so "
        "and write nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the two other things to print."""
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument(
            "--public-key", action="store_true", help="print the public key (PEM), seal nothing"
        )

    def handle(self, *_: Any, json: bool, public_key: bool, **__: Any) -> None:
        """Seal, or print the key; CommandError where key or files cannot be used."""
        try:
            if public_key:
                self.stdout.write(seals.public_key(), ending="")
                return
            made = seals.seal()
        except seals.SealFailed as error:
            raise CommandError(error.message) from error
        self.stdout.write(_as_json(made) if json else _as_words(made))


def _as_words(made: seals.Sealed | None) -> str:
    if made is None:
        return f"Nothing to seal: no head has moved since seal {_last()}."
    heads = counted(made.heads, "head")
    return f"Seal {made.number}: {heads}, digest {made.digest}, file {made.file}"


def _as_json(made: seals.Sealed | None) -> str:
    if made is None:
        return json.dumps({"sealed": False, "last": _last()})
    return json.dumps({"sealed": True, **asdict(made)})


def _last() -> int:
    last = Seal.objects.order_by("-number").first()
    return last.number if last else 0
