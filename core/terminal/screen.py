"""A stream of output as a terminal shows it: lines that are written, and written over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from core.terminal.line import Line
from core.terminal.style import PLAIN, Style, styled

# Movements to the right end here, or at the end of a line that is longer.
WIDEST = 500
# No program writes more parameters; an endless sequence takes no more memory.
LONGEST = 256
_BEGINS = {"[": "sequence", "]": "title", **dict.fromkeys("PX^_", "string")}
_PRINTED = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_PARAMETERS = re.compile(r"[0-9;:]*")
_HALVES = re.compile(r"[\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Parser:
    """Takes text apart as a terminal does (ECMA-48), however it is cut into chunks.

    A sequence or control string that has no end hides what follows, at most to the end of its line;
    a real terminal would hide the rest of the log.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._state = "text"
        self._held = ""
        self._half = ""

    def write(self, chunk: str) -> None:
        """Take the next chunk."""
        text = self._whole(self._half + chunk)
        at = 0
        while at < len(text):
            if run := _PRINTED.match(text, at):
                self._printed(run[0])
                at = run.end()
            else:
                self._control(text[at])
                at += 1

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left open: no sequence, no control string, no half of a character."""
        return self._state == "text" and not self._half

    def end(self) -> None:
        """Take it that the text has ended: what it left open is nothing."""
        if self._half:
            self._printed("\ufffd")
        self._half, self._state = "", "text"

    def _whole(self, text: str) -> str:
        """Return text with its characters whole, and keep the half of one at its end."""
        if not _HALVES.search(text):
            self._half = ""
            return text
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        whole = text.removesuffix(self._half) if self._half else text
        return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _printed(self, run: str) -> None:
        at = 0
        while at < len(run) and self._state in ("escape", "sequence") and self._continued(run[at]):
            at += 1
        if self._state == "text" and at < len(run):
            self._terminal.print(run[at:])

    def _continued(self, character: str) -> bool:
        """Take a character of a sequence; False if it is not one, which ends that."""
        if " " <= character <= ("/" if self._state == "escape" else "?"):
            self._held = self._held + character if len(self._held) < LONGEST else "?"
            return True
        state, self._state = self._state, "text"
        if character > "~":
            return False
        if state == "escape" and not self._held:
            self._escape(character)
        elif state == "sequence" and _PARAMETERS.fullmatch(self._held):
            self._terminal.sequence(character, self._held)
        return True

    def _control(self, character: str) -> None:
        if character >= "\x80":
            self._escape(chr(ord(character) - 0x40))
        elif character == "\x1b":
            self._begin("escape")
        elif character in "\x18\x1a":
            self._state = "text"
        elif character in "\n\v\f":
            self._state = "text"
            self._terminal.control("\n")
        elif self._state not in ("title", "string"):
            self._terminal.control(character)
        elif character == "\a" and self._state == "title":
            self._state = "text"

    def _escape(self, final: str) -> None:
        self._begin(_BEGINS.get(final, "text"))
        if self._state == "text":
            self._terminal.escape(final)

    def _begin(self, state: str) -> None:
        self._state, self._held = state, ""


class Terminal:
    """One stream of output.

    Lines are as long as what is written, and scroll away: a line that has been left, by a newline
    or by a movement to another row, stays as it was. What is written on another row is a new line.
    `create_line` is called when a line begins.
    """

    def __init__(self, create_line: Callable[[], Line] = Line) -> None:
        self._create_line = create_line
        self._parser = Parser(self)
        self._line: Line | None = None
        self._column = 0
        self._style = PLAIN
        self._row = 0
        self._saved: tuple[int, int, Style] = 0, 0, PLAIN
        self._ended: list[Line] = []

    @property
    def is_blank(self) -> bool:
        """Whether it goes on as a new one would, but for colours: nothing is begun or left open."""
        places = (self._column, *self._saved[:2])
        return self._line is None and not any(places) and self._parser.is_idle

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
        """Show characters, none of which is a control."""
        self._column = self._open().print(self._column, text, self._style)

    def control(self, character: str) -> None:
        """Carry out a control; every newline, vertical tab and form feed comes as a newline."""
        if character == "\n":
            self._newline()
        elif character == "\r":
            self._column = 0
        elif character == "\b":
            self._to(self._column - 1)
        elif character == "\t":
            self._column = self._open().tab(self._column, self._style)

    def escape(self, final: str) -> None:
        """Carry out an escape sequence: ESC and `final`."""
        if act := _ESCAPES.get(final):
            act(self)

    def sequence(self, final: str, parameters: str) -> None:
        """Carry out a control sequence: CSI, `parameters` of digits, `;` and `:`, and `final`."""
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
            self._line = self._create_line()
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
