"""Masking: whatever a run says, its secrets are `••••` in it, however the text comes in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.records.spans import MASK as MASK
from jobs.secrets.dumps import CHARACTER_ROWS, HEX_ROWS
from jobs.secrets.encodings import DEPTH, SHORTEST, SHORTEST_PIECE, all_spellings
from jobs.secrets.escapes import unescape_view
from jobs.secrets.search import Needles
from jobs.secrets.views import BASE, HEX, Span, View, view_octets


@dataclass(slots=True)
class Readings:
    """A text read in every way that matters here."""

    # What to look for in each; and how much of that says something.
    views: list[tuple[View, Needles, int]] = field(default_factory=list)
    # A text can be cut only where something begins in each of these.
    whole: list[View] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Searched:
    """What to look for in a text, by how it is read."""

    plain: Needles
    octets: Needles
    base: Needles
    hex: Needles

    @classmethod
    def of(cls, values: Iterable[str]) -> _Searched:
        found = all_spellings(values)
        plain = octets = Needles(found.plain, plus_is_blank=True)
        if not found.octets <= found.plain:
            octets = Needles(found.octets, plus_is_blank=True)
        return cls(plain, octets, Needles(found.base), Needles(found.hex))


class Masks:
    """The values to mask, however they are written; none at first, and more with `add`."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: frozenset[str] = frozenset()
        self._needles = _Searched.of(())
        self.add(values)

    def __bool__(self) -> bool:
        return bool(self._needles.plain.all)

    def add(self, values: Iterable[str]) -> None:
        """Mask these values, too, in all that is looked at from now on, by whatever thread."""
        known = self._values.union(values)
        if known != self._values:
            self._values, self._needles = known, _Searched.of(known)

    def text(self, text: str) -> str:
        """Return a whole text masked."""
        if not self or len(text) < SHORTEST:
            return text
        return _mask_spans(text, _merge_spans(_find_spans(self._read_text(text))))

    def cut(self, text: str, limit: int) -> str:
        """Return a text masked and then cut to `limit` characters.

        It may have been cut before: what is only a secret's beginning at the text's end, or its end
        at the text's beginning, is masked as well.
        """
        read = self._read_text(text)
        spans = [*_find_spans(read), *_begun_spans(read), *_ended_spans(read)]
        return _mask_spans(text, _merge_spans(spans))[:limit]

    def value(self, value: Any) -> Any:
        """Return a copy of a JSON value with everything in it masked; what is not JSON stays."""
        if not self:
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

    def within(self, text: str) -> bool:
        """Whether a text, as it is, is a part of a secret."""
        return self._needles.plain.within(text)

    def scan(self, text: str, *, first: bool, final: bool, fresh: bool) -> tuple[list[Span], int]:
        """Return where secrets are in a piece of a stream, and up to where the piece is decided.

        `first` and `final` say that the stream begins and ends with it, `fresh` that a line begins.
        Where a secret is cut in two by the stream's beginning or end, a half or more is masked.
        """
        read = self._read_text(text, final=final, fresh=fresh)
        spans = _find_spans(read)
        if first:
            spans.append((0, self._needles.plain.ended(text, SHORTEST, 0.5)))
        if final:
            spans += _begun_spans(read, 0.5)
            return _merge_spans(spans), len(text)
        return _merge_spans(spans), _decided_length(read, len(text))

    def _read_text(self, text: str, *, final: bool = True, fresh: bool = True) -> Readings:
        read, raw, wanted = Readings(), View.of(text), self._needles
        once = _unescape_layers(read, raw, wanted.plain, final=final, by_bytes=False)
        if wanted.octets is not wanted.plain:
            _unescape_layers(read, view_octets(raw), wanted.octets, final=final, by_bytes=True)
        for level in (raw,) if once is raw else (raw, once):
            read.views.append((BASE.read(level, final=final), wanted.base, SHORTEST_PIECE))
            read.views.append((HEX.read(level, final=final), wanted.hex, 2 * SHORTEST))
        for rows, needles in ((HEX_ROWS, wanted.hex), (CHARACTER_ROWS, wanted.octets)):
            view, whole = rows.read(text, final=final, fresh=fresh)
            read.views.append((view, needles, SHORTEST))
            read.whole.append(whole)
        return read


class Stream:
    """One stream of text that comes in pieces, masked; however it is cut, the result is the same.

    What may be the beginning of a secret is held back until it is known to be none, and at the
    stream's beginning what may be a secret's end.
    """

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._held = ""
        self._covered = 0  # so much of what is held is part of a secret that has been masked
        self._first = True
        self._fresh = True

    def feed(self, text: str) -> str:
        """Take the next piece; return what can be said by now."""
        if not self._masks:
            return text
        self._held += text
        if self._first and self._masks.within(self._held):
            return ""
        return self._release_text(final=False)

    def close(self) -> str:
        """Return what is still held."""
        return self._release_text(final=True) if self._masks else ""

    def _release_text(self, *, final: bool) -> str:
        text = self._held
        spans, until = self._masks.scan(text, first=self._first, final=final, fresh=self._fresh)
        said, at = [], self._covered
        for start, end in spans:
            if start >= max(until, at):
                break
            if start >= at:
                said += [text[at:start], MASK]
            at = max(at, end)
        said.append(text[at:until])
        self._held, self._covered = text[until:], max(0, at - until)
        if until:
            self._first, self._fresh = False, text[until - 1] == "\n"
        return "".join(said)


def _unescape_layers(
    read: Readings, view: View, needles: Needles, *, final: bool, by_bytes: bool
) -> View:
    """Read a text as it is and with its escapes read, by layers; return the first layer."""
    levels = [view]
    for _ in range(DEPTH):
        level = unescape_view(levels[-1], final=final, by_bytes=by_bytes)
        if level is levels[-1]:
            break
        levels.append(level)
    read.views += [(level, needles, SHORTEST) for level in levels]
    read.whole.append(levels[-1])
    return levels[min(1, len(levels) - 1)]


def _find_spans(read: Readings) -> list[Span]:
    return [
        view.span(start, end)
        for view, needles, _ in read.views
        for start, end in needles.find(view.text)
    ]


def _begun_spans(read: Readings, part: float = 0.0) -> list[Span]:
    """Return where secrets begin at a text's end."""
    lengths = [(view, needles.begun(view.text, least, part)) for view, needles, least in read.views]
    return [
        view.span(len(view.text) - length, len(view.text)) for view, length in lengths if length
    ]


def _ended_spans(read: Readings) -> list[Span]:
    """Return where secrets end at a text's beginning."""
    lengths = [(view, needles.ended(view.text, least)) for view, needles, least in read.views]
    return [view.span(0, length) for view, length in lengths if length]


def _decided_length(read: Readings, length: int) -> int:
    """Return up to where a text cannot be part of a secret that goes on after it."""
    until = min([length, *(view.rest for view in read.whole)])
    for view, needles, _ in read.views:
        begun = len(view.text) - needles.begun(view.text)
        until = min(until, view.rest, view.origin(begun))
    while (floor := min(view.floor(until) for view in read.whole)) < until:
        until = floor
    return until


def _merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order; those that overlap are one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def _mask_spans(text: str, spans: Iterable[Span]) -> str:
    said, at = [], 0
    for start, end in spans:
        said += [text[at:start], MASK]
        at = end
    return "".join([*said, text[at:]])
