"""Parts of a text that are left out. Pure."""

from __future__ import annotations

from collections.abc import Iterable

REDACTED = "[redacted]"
MASK = "••••"
"""What the service writes for a secret that a run says (`jobs.secrets`)."""
# From the first character that is left out to the first that is not.
Span = tuple[int, int]


def find_spans(text: str, wanted: Iterable[str]) -> list[Span]:
    """Return the parts of a text that one of the wanted ones covers, ascending, none touching."""
    found = list[Span]()
    for one in wanted:
        at = text.find(one)
        while at >= 0:
            found.append((at, at + len(one)))
            at = text.find(one, at + 1)
    return merge_spans(found)


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Return spans ascending, with those that overlap or touch as one."""
    merged = list[Span]()
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def cover_spans(text: str, spans: Iterable[Span]) -> str:
    """Return a text with each span replaced by REDACTED."""
    pieces, at = list[str](), 0
    for start, end in merge_spans(spans):
        pieces += [text[at:start], REDACTED]
        at = end
    return "".join([*pieces, text[at:]])


def is_covered(shown: str, text: str) -> bool:
    """Return whether `cover_spans` can have made one text of the other."""
    first, *rest = shown.split(REDACTED)
    if not rest or not text.startswith(first):
        return False
    *middle, last = rest
    at = len(first)
    for piece in middle:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return len(text) - len(last) >= at and text.endswith(last)
