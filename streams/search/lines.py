"""The lines of one stream of output, looked through for a text as they end.

`core.terminal` says what is shown. Most output has nothing but lines and colours, of which no
terminal need be made: a search goes through a million events.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from unicodedata import category

from core.terminal import Line, Terminal

# What is held of a line that has not ended: the rest is looked through as it comes.
LONGEST = 32 * 1024
# So many chunks are looked at together: where they have a match, each is looked at by itself.
TOGETHER = 32
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_JOINING = ("Mn", "Me", "Cf")


class LineSearch:
    """A stream's lines; `found` is called with the event in which a line begins that has the text.

    `write` takes output, `look` looks through what has been written: mostly in one go, since most
    of it has no match. Of a line of more than LONGEST characters, what follows is named after the
    event in which the match ends. `sought` is folded, and not empty.
    """

    __slots__ = (
        "_at", "_begins", "_begun", "_found", "_held", "_is_cut", "_sought", "_terminal",
        "_written", "size",
    )  # fmt: skip

    def __init__(self, sought: str, found: Callable[[int], None]) -> None:
        self._sought = sought
        self._found = found
        self._terminal: Terminal | None = None
        self._begins: deque[int] = deque()
        self._at = 0
        self._written: list[tuple[int, str]] = []
        self._begin()

    def _begin(self) -> None:
        """Expect the beginning of a line."""
        self._held, self._begun, self._is_cut = "", 0, False
        # How many characters the line has that has not ended, or has been written of.
        self.size = 0

    def write(self, seq: int, text: str) -> None:
        """Take the next chunk of output, of event `seq`."""
        self._written.append((seq, text))

    def look(self) -> int:
        """Look through what was written; return by how many characters more are held now."""
        if not self._written:
            return 0
        before = self.size
        written, self._written = self._written, []
        for start in range(0, len(written), TOGETHER):
            chunks = written[start : start + TOGETHER]
            if self._has_none(chunks):
                chunks = self._skip_lines(chunks)
            for seq, text in chunks:
                self._look_through(seq, text)
        return self.size - before

    def _has_none(self, written: Sequence[tuple[int, str]]) -> bool:
        """Return whether none of these chunks, nor all together, can have a match."""
        if self._terminal is not None or self._is_cut:
            return False
        plain = _plain("".join([self._held, *(text for _, text in written)]))
        return plain is not None and self._sought not in plain.casefold()

    def _skip_lines(self, written: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        """Pass over the lines that end in these chunks; return what comes after them."""
        for place in reversed(range(len(written))):
            seq, text = written[place]
            if "\n" in text:
                self._begin()
                return [(seq, text.rpartition("\n")[2]), *written[place + 1 :]]
        return list(written)

    def _look_through(self, seq: int, text: str) -> None:
        self._at = seq
        if self._terminal is None:
            plain = text if text.isprintable() else _plain(text)
            if plain is not None:
                self._write_plain(plain)
                return
        self._write_controls(text)

    def end(self) -> None:
        """Take it that the output has ended, and with it a line that no newline has ended."""
        self.look()
        if self._terminal is not None:
            self._look_at(self._terminal.end())
            self._terminal = None
        elif self._held and not self._is_cut:
            self._look(self._held, self._begun)
        self._begin()

    def _write_plain(self, text: str) -> None:
        if "\n" not in text:
            self._hold(text)
            return
        first, _, rest = text.partition("\n")
        self._look(self._held + first, self._begun or self._at)
        self._begin()
        if "\n" in rest:
            whole, _, rest = rest.rpartition("\n")
            self._look(whole, self._at)
        self._hold(rest)

    def _hold(self, text: str) -> None:
        if not text:
            return
        self._held += text
        self._begun = self._begun or self._at
        if self._is_cut or len(self._held) > LONGEST:
            self._look(self._held, self._begun)
            self._cut()
        self.size = len(self._held)

    def _cut(self) -> None:
        """Keep of a long line only what a match may begin with."""
        self._held = self._held[max(len(self._held) - len(self._sought) + 1, 0) :]
        self._begun, self._is_cut = 0, True

    def _write_controls(self, text: str) -> None:
        """Show it by a terminal, up to the end of its line."""
        terminal = self._terminal
        if terminal is None:
            terminal = self._terminal = Terminal(self._create_line)
            self._at, seq = self._begun or self._at, self._at
            terminal.write(self._held)
            self._at = seq
        ended = terminal.write(text)
        self._look_at(ended)
        self.size = len(text) + (0 if ended else self.size)
        if terminal.is_blank:
            self._terminal = None
            self._begin()
        elif self.size > LONGEST:
            self._look_at(ended := terminal.end())
            self._terminal = None
            self._held = ended[-1].text if ended else ""
            self._cut()
            self.size = len(self._held)

    def _create_line(self) -> Line:
        self._begins.append(self._at)
        return Line()

    def _look_at(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._look(line.text, self._begins.popleft())

    def _look(self, text: str, begun: int) -> None:
        """Look through lines that begin in one event."""
        if self._sought in text.casefold() and (text.isascii() or self._shows(text)):
            self._found(begun)

    def _shows(self, text: str) -> bool:
        """Return whether it is shown: a mark at a line's beginning has nothing to join."""
        return any(self._sought in _without_marks(line).casefold() for line in text.split("\n"))


def _plain(text: str) -> str | None:
    """Return output as lines without controls; None if that takes a terminal."""
    if _is_plain(text):
        return text
    text = text.replace("\r\n", "\n")
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    return text if _is_plain(text) else None


def _is_plain(text: str) -> bool:
    """Return whether there is no control but newlines and tabs; most texts are told at once."""
    return text.replace("\n", "").isprintable() or not _CONTROLS.search(text)


def _without_marks(line: str) -> str:
    start = 0
    while start < len(line) and category(line[start]) in _JOINING:
        start += 1
    return line[start:]
