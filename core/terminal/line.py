"""One line of a terminal: written at a column, and over what is there, until it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from unicodedata import category, east_asian_width

from core.terminal.style import PLAIN, Style

TAB = 8
_WIDER = "\u0300"
# Letters of one cell together, others each by itself.
_PIECES = re.compile(r"[ -\u02ff]+|.", re.DOTALL)
Cell = tuple[str, Style]
# A cell that belongs to the character before it.
_TAIL: Cell = ("", PLAIN)
_BLANK: Cell = (" ", PLAIN)


class Line:
    """A line that is written.

    What is written at the end is only added; the line is made of cells once something is written
    before that. A character covers one cell, or two, a tab those up to its stop: where a part of it
    is written over, all of it goes, as terminals do.
    """

    def __init__(self) -> None:
        self._runs: list[Cell] = []
        self._cells: list[Cell | None] | None = None
        self._width = 0

    @property
    def width(self) -> int:
        """How many cells it has."""
        return self._width if self._cells is None else len(self._cells)

    @property
    def runs(self) -> list[tuple[str, Style]]:
        """The line in stretches of one style."""
        found = groupby(self._now(), key=lambda run: run[1])
        return [("".join(text for text, _ in own), style) for style, own in found]

    @property
    def text(self) -> str:
        """The line without its colours."""
        return "".join(text for text, _ in self._now())

    def print(self, at: int, text: str, style: Style) -> int:
        """Write characters from a column on; return the column after them."""
        for piece in _PIECES.findall(text):
            if piece < _WIDER and self._is_end(at):
                at = self._add(piece, style, len(piece))
            else:
                for character in piece:
                    at = self._write(at, character, style)
        return at

    def tab(self, at: int, style: Style) -> int:
        """Write a tab where nothing has been written, or only move to its stop; return that."""
        stop = at - at % TAB + TAB
        return stop if at < self.width else self._put(at, "\t", style, stop - at)

    def erase(self, start: int, end: int | None = None) -> None:
        """Leave nothing from one column up to another, or to the end."""
        if start < self.width:
            self._clear(start, end)
            self._trim()

    def _is_end(self, at: int) -> bool:
        return self._cells is None and at == self._width

    def _write(self, at: int, character: str, style: Style) -> int:
        if width := _width(character):
            return self._put(at, character, style, width)
        self._join(at, character)
        return at

    def _put(self, at: int, character: str, style: Style, width: int) -> int:
        if self._is_end(at):
            return self._add(character, style, width)
        cells = self._split()
        if width == 1 and at < len(cells) and _TAIL not in cells[at : at + 2]:
            cells[at] = character, style
            return at + 1
        self._clear(at, at + width)
        cells += [None] * (at + width - len(cells))
        cells[at : at + width] = [(character, style), *[_TAIL] * (width - 1)]
        self._trim()
        return at + width

    def _add(self, text: str, style: Style, width: int) -> int:
        self._runs.append((text, style))
        self._width += width
        return self._width

    def _join(self, at: int, mark: str) -> None:
        """Let a mark go with the character before the cursor; without one it is not shown."""
        if self._is_end(at):
            if self._runs:
                text, style = self._runs[-1]
                self._runs[-1] = text + mark, style
            return
        cells = self._split()
        before = at - 1
        while 0 <= before < len(cells) and cells[before] is _TAIL:
            before -= 1
        if 0 <= before < len(cells) and (cell := cells[before]) is not None:
            cells[before] = cell[0] + mark, cell[1]

    def _clear(self, start: int, end: int | None) -> None:
        cells = self._split()
        end = len(cells) if end is None else min(end, len(cells))
        while start < len(cells) and cells[start] is _TAIL:
            start -= 1
        while end < len(cells) and cells[end] is _TAIL:
            end += 1
        for at in range(start, end):
            cells[at] = None

    def _trim(self) -> None:
        cells = self._split()
        while cells and cells[-1] is None:
            cells.pop()

    def _split(self) -> list[Cell | None]:
        """Return the cells, which the line is made of from now on."""
        if self._cells is None:
            self._cells = []
            at = 0
            for text, style in self._runs:
                for character in text:
                    if character == "\t":
                        at = self._put(at, character, style, TAB - at % TAB)
                    else:
                        at = self._write(at, character, style)
        return self._cells

    def _now(self) -> Iterator[Cell]:
        if self._cells is None:
            return iter(self._runs)
        return ((cell or _BLANK) for cell in self._cells if cell is not _TAIL)


def _width(character: str) -> int:
    """Return how many cells a character takes."""
    if character < _WIDER:
        return 1
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
