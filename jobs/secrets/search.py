"""Finds many strings in a text at once, and the beginning of one at its end."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property

from ahocorasick_rs import AhoCorasick

# So much of a string is looked for by the automaton; the rest is compared. It bounds its size.
_ANCHOR = 16
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class Needles:
    """A set of strings, ready to be found; with `plus_is_blank`, `+` and a blank are the same."""

    def __init__(self, needles: Iterable[str], *, plus_is_blank: bool = False) -> None:
        self._plus_is_blank = plus_is_blank
        self.all = sorted(set(map(self._fold_text, needles)))
        self.longest = max(map(len, self.all), default=0)
        by_anchor: dict[str, list[str]] = {}
        for needle in sorted(self.all, key=len, reverse=True):
            by_anchor.setdefault(needle[:_ANCHOR], []).append(needle)
        self._anchored = list(by_anchor.values())
        self._automaton = AhoCorasick(list(by_anchor))

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield from where to where the strings are in a text; at one place only the longest."""
        text = self._fold_text(text)
        for anchor, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            for needle in self._anchored[anchor]:
                if len(needle) <= end - start or text.startswith(needle, start):
                    yield start, start + len(needle)
                    break

    def begun(self, text: str, least: int = 1, part: float = 0.0) -> int:
        """Return how long the longest end of a text is that begins a string and does not end it.

        0 if there is none of at least `least` characters and at least this `part` of the string.
        """
        text = self._fold_text(text[1 - self.longest :]) if self.longest > 1 else ""
        for at in self._possible_starts(text):
            if len(text) - at < least:
                break
            if self._begins_with(text[at:], part):
                return len(text) - at
        return 0

    def ended(self, text: str, least: int = 1, part: float = 0.0) -> int:
        """Return how long the longest beginning of a text is that ends a string, as `begun`."""
        return self._backward.begun(text[: self.longest][::-1], least, part)

    def within(self, text: str) -> bool:
        """Whether a text is somewhere in a string, and shorter."""
        if len(text) >= self.longest:
            return False
        text = self._fold_text(text)
        return any(text in needle for needle in self.all)

    @cached_property
    def _backward(self) -> Needles:
        return Needles((needle[::-1] for needle in self.all), plus_is_blank=self._plus_is_blank)

    def _possible_starts(self, text: str) -> Iterator[int]:
        """Yield, in order, where a string may begin that the text does not end."""
        for _, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            if end - start == _ANCHOR and end < len(text):
                yield start
        yield from range(max(0, len(text) - _ANCHOR), len(text))

    def _begins_with(self, text: str, part: float) -> bool:
        at = bisect_left(self.all, text)
        while at < len(self.all) and self.all[at].startswith(text):
            needle = self.all[at]
            if len(text) < len(needle) and len(text) >= part * len(needle):
                return True
            at += 1
        return False

    def _fold_text(self, text: str) -> str:
        """Return a text of the same length, which has UTF-8."""
        if self._plus_is_blank:
            text = text.replace("+", " ")
        return text if text.isascii() else _HALF_PAIR.sub("\ufffd", text)
