"""Ways to read a text, each with a map from what was read back to where it stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from itertools import compress
from typing import NamedTuple

# What stands for characters that end a run; it is in no needle of an encoding.
END = "!"
_BLANKS = b" \t\r\n\f\v"
# Breaks and indentation within a run; more than this between two characters ends it.
_LONGEST_GAP = 80
_TOO_LONG = b" " * (_LONGEST_GAP + 1)
_GAP = re.compile(b" {%d,}" % len(_TOO_LONG))
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
Span = tuple[int, int]


class View(NamedTuple):
    """A text as it was read: `local` says from where to where a character of it stands in `under`.

    What is at `rest` and after it in the original is not read yet: it depends on what follows.
    """

    text: str
    local: Callable[[int], Span]
    rest: int
    under: View | None = None

    @classmethod
    def of(cls, text: str) -> View:
        """Return a text read as it is."""
        return cls(text, lambda at: (at, at + 1), len(text))

    def over(self, text: str, local: Callable[[int], Span], until: int | None = None) -> View:
        """Return a reading of this reading; nothing is read at `until` and after it."""
        rest = self.rest if until is None else min(self.rest, self.origin(until))
        return View(text, local, rest, self)

    def span(self, start: int, end: int) -> Span:
        """Return where a part of the text, which is not empty, stands in the original."""
        start, end = self.local(start)[0], self.local(end - 1)[1]
        return (start, end) if self.under is None else self.under.span(start, end)

    def origin(self, at: int) -> int:
        """Return where a character stands in the original; where the reading ends if after all."""
        return self.span(at, at + 1)[0] if at < len(self.text) else self.rest

    def floor(self, at: int) -> int:
        """Return the nearest place of the original, at or before `at`, where a character begins."""
        after = bisect_right(range(len(self.text)), at, key=self.origin)
        if after and at < (last := self.span(after - 1, after))[1]:
            return last[0]
        return at


class Pieces:
    """A text made piece by piece from another, and the map back; a piece of one place is whole."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._at = [0]
        self._places: list[tuple[int, int | None]] = []

    def keep(self, text: str, start: int, end: int) -> None:
        """Take a part of the other text as it is."""
        if start < end:
            self._add_piece(text[start:end], start, None)

    def replace(self, text: str, start: int, end: int) -> None:
        """Take a text for a part of the other."""
        self._add_piece(text, start, end)

    def over(self, view: View, until: int | None = None) -> View:
        """Return what was taken, as a reading of the other text."""
        return view.over("".join(self._texts), self._local_place, until)

    def _add_piece(self, text: str, start: int, end: int | None) -> None:
        self._texts.append(text)
        self._at.append(self._at[-1] + len(text))
        self._places.append((start, end))

    def _local_place(self, at: int) -> Span:
        piece = bisect_right(self._at, at) - 1
        start, end = self._places[piece]
        if end is None:
            start += at - self._at[piece]
        return start, end or start + 1


def view_octets(view: View) -> View:
    """Read each character as the bytes of its UTF-8, one character a byte."""
    if view.text.isascii():
        return view
    pieces, at = Pieces(), 0
    for found in _NOT_ASCII.finditer(view.text):
        pieces.keep(view.text, at, found.start())
        pieces.replace(as_octets(found[0]), *found.span())
        at = found.end()
    pieces.keep(view.text, at, len(view.text))
    return pieces.over(view)


def as_octets(text: str) -> str:
    """Return the bytes of a text's UTF-8, one character a byte."""
    return text.encode(errors="surrogatepass").decode("latin-1")


class Kept:
    """Where the characters stand that a table of bytes does not drop."""

    def __init__(self, raw: bytes, table: bytes) -> None:
        self._raw, self._table = raw, table

    @cached_property
    def _places(self) -> list[int]:
        return list(compress(range(len(self._raw)), self._raw.translate(self._table)))

    def local(self, at: int) -> Span:
        """Return the place of the character that is now at `at`."""
        return self._places[at], self._places[at] + 1


class Runs:
    """Reads runs of an encoding's characters without the breaks and separators inside them.

    `prefix` (such as `0x`) may stand before each pair.
    """

    def __init__(
        self, alphabet: bytes, standing_for: bytes, separators: bytes = b"", prefix: bytes = b""
    ) -> None:
        folded = dict(zip(alphabet, standing_for, strict=True))
        self._dropped = _BLANKS + separators
        self._fold = bytes(folded.get(code, ord(END)) for code in range(256))
        self._kept = bytes(code not in self._dropped for code in range(256))
        self._blank = bytes(32 if code in _BLANKS else code for code in range(256))
        self._prefix = prefix

    def read(self, view: View, *, final: bool) -> View:
        """Return the runs in a reading, with `END` for what is in none."""
        raw, until = view.text.encode("latin-1", "replace").translate(self._blank), None
        if prefix := self._prefix:
            if not final and raw.endswith(prefix[:1]):  # its rest may follow
                until = len(raw) - 1
            raw = raw[:until].replace(prefix, b" " * len(prefix))
        if _TOO_LONG in raw:
            raw = _GAP.sub(lambda gap: END.encode() * len(gap[0]), raw)
        text = raw.translate(self._fold, self._dropped).decode("latin-1")
        return view.over(text, Kept(raw, self._kept).local, until)


_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"
# base32's alphabet is within base64's; -_ are the URL's +/.
BASE = Runs(_LETTERS + _DIGITS + b"+/-_=", _LETTERS + _DIGITS + b"+/+/=")
HEX = Runs(_DIGITS + b"abcdefABCDEF", _DIGITS + b"abcdefabcdef", b":,-_", b"0x")
