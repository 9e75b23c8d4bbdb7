"""Which of several forms an answer takes: the one place that reads `Accept` and its like."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest
from django.http.request import MediaType

# Quality, then how exactly the type is named: what somebody prefers is the greatest.
Preference = tuple[float, int]
REFUSED: Preference = (0.0, 0)
IDENTITY = "identity"
# Always acceptable unless it is refused, and less than any coding that is named.
UNNAMED = 0.0001


def preferred_type(request: HttpRequest, *offered: str) -> str:
    """Return which of the media types that are offered the request prefers (RFC 9110, 12.5.1).

    Of two that it likes the same it gets the one that it names, then the one that is offered first.
    That is also what a request gets that accepts none of them, rather than a 406: its client may
    well read it. Parameters but `q` do not count, so `application/x-ndjson; charset=utf-8` is asked
    for as `application/x-ndjson` is.
    """
    ranges = list(_ranges(request.headers.get("Accept", "")))
    return max(offered, key=lambda kind: _preference(kind, ranges))


def _preference(kind: str, ranges: list[tuple[str, float]]) -> Preference:
    """Return what the most exact of the ranges that match says of a type."""
    by_exactness = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    for exactness, wanted in zip((3, 2, 1), by_exactness, strict=True):
        if qualities := [quality for name, quality in ranges if name == wanted]:
            quality = max(qualities)
            return (quality, exactness) if quality else REFUSED
    return REFUSED


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    """Yield the media ranges of a header with their qualities; what is none is left out."""
    for token in header.split(","):
        try:
            media = MediaType(token)
        except ValueError:  # a parameter in an encoding that there is not
            continue
        quality = float(media.quality)
        yield f"{media.main_type}/{media.sub_type}", quality if quality <= 1 else 1.0


def preferred_coding(request: HttpRequest, *offered: str) -> str:
    """Return which of the content codings that are offered the request prefers (RFC 9110, 12.5.3).

    Of two that it likes the same it gets the one that is offered first. `identity` is what a
    request gets that accepts none of them.
    """
    wanted = dict(_codings(request.headers.get("Accept-Encoding", "")))

    def quality(coding: str) -> float:
        if coding == IDENTITY and coding not in wanted:
            return UNNAMED
        return wanted.get(coding, wanted.get("*", 0.0))

    best = max(offered, key=quality)
    return best if quality(best) else IDENTITY


def _codings(header: str) -> Iterator[tuple[str, float]]:
    """Yield the codings of a header with their qualities; one that is no number counts as 1."""
    for token in header.lower().split(","):
        name, _, parameter = token.partition(";")
        try:
            quality = float(parameter.partition("=")[2])
        except ValueError:
            quality = 1.0
        yield name.strip(), quality if 0 <= quality <= 1 else 1.0
