"""What pyte makes of the same chunks: the measure of what we claim, as far as pyte knows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyte
import pyte.modes
from pyte.graphics import FG_BG_256
from pyte.screens import Char

from core.terminal import Line, Style
from core.terminal.style import Colour

_NAMES = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
_HEX = {
    "default": "",
    **{name: FG_BG_256[index] for index, name in enumerate(_NAMES)},
    **{f"bright{name}": FG_BG_256[index + 8] for index, name in enumerate(_NAMES)},
    "bfightmagenta": FG_BG_256[13],  # as pyte spells it
}
Look = tuple[str | bool, ...]
# Wider and higher than anything that is tried: lines do not wrap here, and nothing scrolls away.
WIDTH, HEIGHT = 600, 200


@dataclass(frozen=True, slots=True)
class Row:
    """A row without the blanks at its end, and its cells by column."""

    text: str
    cells: Mapping[int, Char]

    def look(self, column: int) -> Look:
        """Return how a column looks."""
        cell = self.cells[column]
        colours = [_HEX.get(colour, colour) for colour in (cell.fg, cell.bg)]
        return *colours, cell.bold, cell.italics, cell.underscore, cell.strikethrough, cell.reverse


def emulated(chunks: Sequence[str]) -> list[Row]:
    """Return the rows down to the cursor's."""
    screen = pyte.Screen(WIDTH, HEIGHT)
    screen.set_mode(pyte.modes.LNM)  # a newline begins a line, as the tty driver makes it
    stream = pyte.Stream(screen)
    for chunk in chunks:
        stream.feed(chunk)
    return [_row(screen.buffer[row]) for row in range(screen.cursor.y + 1)]


def _row(cells: Mapping[int, Char]) -> Row:
    width = max(cells, default=-1) + 1
    return Row("".join(cells[x].data for x in range(width)).rstrip(), cells)


def looks(line: Line) -> Iterator[tuple[int, Look]]:
    """Yield the columns of a line, of characters of one cell each, that are not blank."""
    at = 0
    for text, style in line.runs:
        for character in text:
            if not character.isspace():
                yield at, _meant(style)
            at += 8 - at % 8 if character == "\t" else 1


def _meant(style: Style) -> Look:
    colours = [_hex(style.fg), _hex(style.bg)]
    return *colours, style.bold, style.italic, style.underline, style.strike, style.inverse


def _hex(colour: Colour) -> str:
    if colour is None:
        return ""
    return FG_BG_256[colour] if isinstance(colour, int) else bytes(colour).hex()
