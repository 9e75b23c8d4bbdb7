"""The cases that all parts which show output are held to: page, command, messages, history."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.terminal import Line, Style, Terminal

_CORPUS = json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))
Stretch = tuple[str, Style]


@dataclass(frozen=True, slots=True)
class Case:
    """Chunks of one stream of output, and the lines that a terminal shows of them."""

    name: str
    chunks: tuple[str, ...]
    stretches: tuple[tuple[Stretch, ...], ...]
    # Why no emulator is a measure here, and why pyte is none.
    differs: str
    pyte: str

    def __str__(self) -> str:
        return self.name

    @property
    def text(self) -> str:
        """All of it, as one text."""
        return "".join(self.chunks)

    @property
    def lines(self) -> list[str]:
        """The lines without their looks."""
        return ["".join(text for text, _ in line) for line in self.stretches]


@dataclass(frozen=True, slots=True)
class Interleaved:
    """Events of several steps and streams; lines as their name, whose they are, and their text."""

    name: str
    events: list[dict[str, str]]
    lines: list[tuple[str, str, str]]

    def __str__(self) -> str:
        return self.name


def _case(given: dict[str, Any]) -> Case:
    lines = tuple(
        tuple(
            (text, _style(look)) for text, look in ([[line, ""]] if isinstance(line, str) else line)
        )
        for line in given["lines"]
    )
    chunks = tuple(given["chunks"])
    return Case(given["name"], chunks, lines, given.get("differs", ""), given.get("pyte", ""))


def _style(look: str) -> Style:
    """Read `fg:1 bg:#fafa0a bold`."""
    found: dict[str, Any] = {}
    for word in look.split():
        name, _, colour = word.partition(":")
        if colour.startswith("#"):
            found[name] = tuple(bytes.fromhex(colour[1:]))
        else:
            found[name] = int(colour) if colour else True
    return Style(**found)


CASES = [_case(given) for given in _CORPUS["cases"]]
INTERLEAVED = [
    Interleaved(given["name"], given["events"], [tuple(line) for line in given["lines"]])
    for given in _CORPUS["interleaved"]
]


def lines(chunks: list[str] | tuple[str, ...]) -> list[Line]:
    """Return the lines that our terminal makes of chunks."""
    terminal = Terminal()
    found = [line for chunk in chunks for line in terminal.write(chunk)]
    return found + terminal.end()


def runs(found: list[Line]) -> list[list[Stretch]]:
    """Return lines in their stretches; an empty one has one that is empty."""
    return [line.runs or [("", Style())] for line in found]
