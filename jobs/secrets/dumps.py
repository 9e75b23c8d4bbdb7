"""Reads the rows of dumps (`xxd`, `hexdump -C`, `od`): bytes, between an offset and their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jobs.secrets.views import END, Span, View

# The patterns name one group each: where the bytes of a row are.
_HEX = "[0-9a-fA-F]"
_TEXT = r"[^\n]{0,300}"
_ROW_OF_HEX = re.compile(
    rf"""^(?: {_HEX}{{6,16}}:[ ]{{1,2}} (?P<groups>{_HEX}{{2,16}}(?:[ ]{_HEX}{{2,16}}){{0,255}})
              (?:[ ]{{2}}{_TEXT})?
            | {_HEX}{{6,16}} (?P<pairs>(?:[ ]{{1,2}}{_HEX}{{2}}){{1,256}})
              [ ]{{0,80}}(?:[|>]{_TEXT})?
          )[ ]?\r?$""",
    re.MULTILINE | re.VERBOSE,
)
_BEGUN_OF_HEX = re.compile(
    rf"""{_HEX}{{0,16}} | {_HEX}{{6,16}}:?
         (?: [ ]{{1,2}} (?:{_HEX}{{1,16}}[ ]{{1,2}}){{0,256}}{_HEX}{{0,16}}
             (?:[ ]{{0,80}}[|>]{_TEXT} | [ ]{{1,2}}{_TEXT})? )? \r?""",
    re.VERBOSE,
)
_CELL = r"(?:[ ]{3}[ -~]|[ ]{2}\\[0abtnvfr]|[ ][0-7]{3})"
_ROW_OF_CELLS = re.compile(
    rf"^(?:[0-7]{{7}})?(?P<cells>{_CELL}{{1,256}})\r?$", re.MULTILINE | re.VERBOSE
)
_BEGUN_OF_CELLS = re.compile(
    rf"""(?: [0-7]{{0,7}}
           | (?:[0-7]{{7}})?{_CELL}{{0,256}} (?:[ ]{{0,3}} | [ ]{{2}}\\ | [ ][0-7]{{1,2}}) )\r?""",
    re.VERBOSE,
)
_EACH_CELL = re.compile(_CELL, re.VERBOSE)
_CONTROLS = dict(zip("0abtnvfr", "\0\a\b\t\n\v\f\r", strict=True))


@dataclass(frozen=True, slots=True)
class Rows:
    """One form of dump."""

    row: re.Pattern[str]
    begun: re.Pattern[str]

    def read(self, text: str, *, final: bool, fresh: bool) -> tuple[View, View]:
        """Return the bytes of all rows in a text, and the rows themselves, each one character.

        A hexadecimal digit or a character stands for itself. What is read reaches to the end of its
        row, since the column of text says it again. `fresh` says whether the text begins a line.
        """
        start = 0 if fresh else text.find("\n") + 1
        whole = len(text) if final else text.rfind("\n") + 1
        begun = (fresh or whole) and self.begun.fullmatch(text, whole)
        rest = whole if begun and not final else len(text)
        rows = list(self.row.finditer(text, start, whole)) if fresh or start else []
        said, places = [], list[Span]()
        for number, row in enumerate(rows):
            if number and rows[number - 1].end() + 1 != row.start():
                said.append(END)
                places.append((row.start(), row.start()))
            for at, read in _row_bytes(row):
                said.append(read)
                places.append((at, row.end()))
        whole_rows = [row.span() for row in rows]
        return (
            View("".join(said), places.__getitem__, rest),
            View(END * len(rows), whole_rows.__getitem__, rest),
        )


def _row_bytes(row: re.Match[str]) -> Iterator[tuple[int, str]]:
    start, end = row.span(row.lastgroup or 0)
    if row.lastgroup == "cells":
        for cell in _EACH_CELL.finditer(row.string, start, end):
            yield cell.start(), _cell_character(cell[0])
    else:
        for at in range(start, end):
            if (digit := row.string[at]) != " ":
                yield at, digit.lower()


def _cell_character(cell: str) -> str:
    if cell[1] != " ":
        return chr(int(cell[1:], 8) & 0xFF)
    return _CONTROLS[cell[3]] if cell[2] == "\\" else cell[3]


HEX_ROWS = Rows(_ROW_OF_HEX, _BEGUN_OF_HEX)
CHARACTER_ROWS = Rows(_ROW_OF_CELLS, _BEGUN_OF_CELLS)
