"""Masking: whatever a run says, its secrets are `••••` in it, however the text comes in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobs.secrets.encodings import forms

MASK = "••••"
# Nothing shorter is masked: it would be found everywhere.
SHORTEST = 4


class Masks:
    """The values to mask, in the forms they may take; none at first."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        found = {form for value in values for form in forms(value) if len(form) >= SHORTEST}
        self.needles = tuple(sorted(found, key=len, reverse=True))

    def __bool__(self) -> bool:
        return bool(self.needles)

    def text(self, text: str) -> str:
        """Return a whole text masked."""
        stream = Stream(self)
        return stream.feed(text) + stream.close()

    def cut(self, text: str, limit: int) -> str:
        """Return a text masked and then cut to `limit` characters.

        It may have been cut before: what is only a secret's beginning at the text's end, or its end
        at the text's beginning, is masked as well.
        """
        text = self.text(text)
        heads = [len(text) - _hold(text, needle) for needle in self.needles]
        if (head := max(heads, default=0)) >= SHORTEST:
            text = text[:-head] + MASK
        backward = text[::-1]
        tails = [len(text) - _hold(backward, needle[::-1]) for needle in self.needles]
        if (tail := max(tails, default=0)) >= SHORTEST:
            text = MASK + text[tail:]
        return text[:limit]

    def value(self, value: Any) -> Any:
        """Return a copy of a JSON value with everything in it masked; what is not JSON stays."""
        if not self.needles:
            return value
        match value:
            case str():
                return self.text(value)
            case bool():
                return value
            case int() | float():
                said = str(value)
                return value if self.text(said) == said else MASK
            case Mapping():
                return {self.value(name): self.value(each) for name, each in value.items()}
            case list() | tuple():
                return [self.value(each) for each in value]
        return value

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets are, from and to; those that overlap are one."""
        found = []
        for needle in self.needles:
            at = text.find(needle)
            while at >= 0:
                found.append((at, at + len(needle)))
                at = text.find(needle, at + 1)
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def hold(self, text: str) -> int:
        """Return from where on a text may be the beginning of a secret; its length if nowhere."""
        return min((_hold(text, needle) for needle in self.needles), default=len(text))


class Stream:
    """One stream of text that comes in pieces, masked; however it is cut, the result is the same.

    What may be the beginning of a secret is held back until it is known to be none. That is never
    longer than the longest form of a secret.
    """

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._held = ""
        self._covered = 0  # so much of what is held is part of a secret that has been masked

    def feed(self, text: str) -> str:
        """Take the next piece; return what can be said by now."""
        if not self._masks:
            return text
        text = self._held + text
        return self._said(text, self._masks.hold(text))

    def close(self) -> str:
        """Return what is still held: it is no secret."""
        return self._said(self._held, len(self._held))

    def _said(self, text: str, until: int) -> str:
        said, at = [], self._covered
        for start, end in self._masks.spans(text):
            if start >= max(until, at):
                break
            if start >= at:
                said += [text[at:start], MASK]
            at = max(at, end)
        said.append(text[at:until])
        self._held, self._covered = text[until:], max(0, at - until)
        return "".join(said)


def _hold(text: str, needle: str) -> int:
    """Return where the longest end of a text that only begins the needle starts."""
    first = needle[:SHORTEST]
    at = max(0, len(text) - len(needle) + 1)
    while (at := text.find(first, at)) >= 0:
        if needle.startswith(text[at:]):
            return at
        at += 1
    for at in range(max(0, len(text) - SHORTEST + 1, len(text) - len(needle) + 1), len(text)):
        if needle.startswith(text[at:]):
            return at
    return len(text)
