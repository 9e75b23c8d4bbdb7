"""The command line: what is the same for all subcommands, and what each of them is asked."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

SEEDS = 1_000_000
OUTPUT = Path(".state/chaos")
SAME = "The same seed gives the same plan. The exit status says whether everything held."


class Planned(Protocol):
    """Something that is going to happen."""

    def as_dict(self) -> dict[str, Any]: ...


class Mode(Protocol):
    """A subcommand: what it is about, what may break in it, and how it is done."""

    @property
    def about(self) -> str: ...
    @property
    def faults(self) -> Sequence[str]: ...
    def add_options(self, parser: argparse.ArgumentParser) -> None: ...
    def plan(self, options: argparse.Namespace) -> Sequence[Planned]: ...
    def go(self, options: argparse.Namespace, folder: Path, plan: Any) -> int: ...


def parse(about: str, modes: Mapping[str, Mode]) -> argparse.Namespace:
    """Return the options, `mode` and `seed` among them; says what is wrong with them and exits."""
    parser = argparse.ArgumentParser(prog="ops/chaos", description=about)
    commands = parser.add_subparsers(dest="mode", required=True, metavar="|".join(modes))
    for name, mode in modes.items():
        command = commands.add_parser(
            name,
            help=mode.about,
            description=f"{mode.about}. {SAME}",
            epilog=f"Faults: {', '.join(mode.faults)}.",
        )
        mode.add_options(command)
        _add(command, mode.faults)
    options = parser.parse_args()
    options.seed = secrets.randbelow(SEEDS) if options.seed is None else options.seed
    return options


def count(text: str) -> int:
    """Return the positive whole number that a text is, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("it is at least 1")
    return value


def _add(command: argparse.ArgumentParser, faults: Sequence[str]) -> None:
    command.add_argument("--seed", type=int, help="what the plan is drawn from (by chance)")
    command.add_argument(
        "--only", action="append", choices=faults, metavar="FAULT", help="may be repeated"
    )
    command.add_argument("--output", type=Path, default=OUTPUT, help=f"folder ({OUTPUT})")
    command.add_argument("--plan", action="store_true", help="only print the plan")
