"""A stream of output as a terminal shows it: lines that are written, and written over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from core.terminal.line import Line
from core.terminal.parser import Parser
from core.terminal.style import PLAIN, Style, styled

# Movements to the right end here, or at the end of a line that is longer.
WIDEST = 500
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Terminal:
    """One stream of output.

    Lines are as long as what is written, and scroll away: a line that has been left, by a newline
    or by a movement to another row, stays as it was. What is written on another row is a new line.
    """

    def __init__(self) -> None:
        self._parser = Parser(self)
        self._line: Line | None = None
        self._column = 0
        self._style = PLAIN
        self._row = 0
        self._saved: tuple[int, int, Style] = 0, 0, PLAIN
        self._ended: list[Line] = []

    def write(self, chunk: str) -> list[Line]:
        """Take the next chunk of output, cut anywhere; return the lines that it ends."""
        self._parser.write(chunk)
        return self._taken()

    def end(self) -> list[Line]:
        """Take it that the output has ended; return the line that no newline ended, if any."""
        self._parser.end()
        self._reset()
        return self._taken()

    def print(self, text: str) -> None:
        """Show characters."""
        self._column = self._open().print(self._column, text, self._style)

    def control(self, character: str) -> None:
        """Carry out a control character."""
        if character == "\n":
            self._newline()
        elif character == "\r":
            self._column = 0
        elif character == "\b":
            self._to(self._column - 1)
        elif character == "\t":
            self._column = self._open().tab(self._column, self._style)

    def escape(self, final: str) -> None:
        """Carry out an escape sequence."""
        if act := _ESCAPES.get(final):
            act(self)

    def sequence(self, final: str, parameters: str) -> None:
        """Carry out a control sequence."""
        if final == "m":
            self._style = styled(self._style, parameters)
        elif act := _SEQUENCES.get(final):
            first, second, *_ = (_number(one) for one in [*parameters.split(";"), ""])
            act(self, first, second)

    def _taken(self) -> list[Line]:
        ended, self._ended = self._ended, []
        return ended

    def _open(self) -> Line:
        if self._line is None:
            self._line = Line()
        return self._line

    def _reset(self) -> None:
        self._leave(0)
        self._style = PLAIN

    def _newline(self) -> None:
        self._open()
        self._leave(0)

    def _leave(self, column: int | None = None) -> None:
        """Go to another row, in the same column or another: what is written there is a new line."""
        if self._line is not None:
            self._ended.append(self._line)
        self._line = None
        self._row += 1
        self._to(self._column if column is None else column)

    def _to(self, column: int) -> None:
        last = max(WIDEST, self._column, self._line.width if self._line else 0)
        self._column = min(last, max(0, column))

    def _move(self, by: int) -> None:
        self._to(self._column + by)

    def _erase(self, what: int) -> None:
        """Erase from the cursor to the end (0), from the beginning to the cursor (1), all (2)."""
        if self._line is not None and what in _ERASED:
            start, end = _ERASED[what]
            self._line.erase(self._column if start else 0, self._column + 1 if end else None)

    def _blank(self, count: int) -> None:
        if self._line is not None:
            self._line.erase(self._column, self._column + count)

    def _save(self) -> None:
        self._saved = self._row, self._column, self._style

    def _restore(self) -> None:
        row, column, style = self._saved
        if row != self._row:
            self._leave()
        self._to(column)
        self._style = style


# Whether it is from the cursor on, and up to it.
_ERASED = {0: (True, False), 1: (False, True), 2: (False, False)}
_ESCAPES: Mapping[str, Callable[[Terminal], None]] = {
    "7": Terminal._save,
    "8": Terminal._restore,
    "D": Terminal._leave,
    "E": Terminal._newline,
    "M": Terminal._leave,
    "c": Terminal._reset,
}
# What the final character of a control sequence stands for; parameters that are not there are 0.
_SEQUENCES: Mapping[str, Callable[[Terminal, int, int], None]] = {
    **dict.fromkeys("ABde", lambda terminal, first, second: terminal._leave()),
    **dict.fromkeys("EF", lambda terminal, first, second: terminal._leave(0)),
    **dict.fromkeys("Hf", lambda terminal, row, column: terminal._leave(column - 1)),
    **dict.fromkeys("Ca", lambda terminal, by, second: terminal._move(by or 1)),
    "D": lambda terminal, by, second: terminal._move(-(by or 1)),
    **dict.fromkeys("G`", lambda terminal, column, second: terminal._to(column - 1)),
    **dict.fromkeys("JK", lambda terminal, what, second: terminal._erase(what)),
    "X": lambda terminal, count, second: terminal._blank(count or 1),
    "s": lambda terminal, first, second: terminal._save(),
    "u": lambda terminal, first, second: terminal._restore(),
}


def _number(parameter: str) -> int:
    return int(parameter.partition(":")[0] or 0)


def plain_text(text: str) -> str:
    """Return a whole text as a terminal shows it: lines without colours or controls, but tabs."""
    if not _CONTROLS.search(text):
        return text
    terminal = Terminal()
    return "\n".join(line.text for line in terminal.write(text) + terminal.end())
