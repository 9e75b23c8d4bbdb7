"""What a value looks like once a program has quoted or encoded it."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from jobs.secrets.escapes import split_surrogates, unescape_text
from jobs.secrets.views import as_octets

# Nothing shorter is masked: it would be found everywhere.
SHORTEST = 4
# So often are escapes read: the escapes of what was escaped before.
DEPTH = 3
# A piece of base64 or base32 that is shorter says nothing, and is found in any text.
SHORTEST_PIECE = 6
# As programs wrap base64.
_COLUMNS = (64, 76)
# A value with one of these may be read otherwise than it was written, once it is escaped.
_AMBIGUOUS = re.compile(r"[\\%&'\"]")


@dataclass(frozen=True, slots=True)
class Spellings:
    """The strings to look for, by how a text is read."""

    plain: set[str] = field(default_factory=set)
    # The same in UTF-8, one character a byte.
    octets: set[str] = field(default_factory=set)
    base: set[str] = field(default_factory=set)
    hex: set[str] = field(default_factory=set)


def all_spellings(values: Iterable[str]) -> Spellings:
    """Return how the values, and each of their lines, may be written."""
    made = Spellings()
    for value in values:
        wholes = {value, value.strip()}
        for text in wholes | set(map(str.strip, value.splitlines())):
            if len(text) >= SHORTEST:
                _add_spellings(made, text)
                made.base.update(_stable_pieces(text, base64.b64encode, bits=6, group=3))
        for text in wholes:
            made.base.update(_stable_pieces(text, base64.b32encode, bits=5, group=5))
            made.base.update(_base64_rows(text))
        made.plain.add(value.replace("\n", "\r\n"))
    return made


def _add_spellings(made: Spellings, text: str) -> None:
    made.hex.add(text.encode(errors="surrogatepass").hex())
    plain = _word_readings(_text_readings(text, by_bytes=False))
    made.plain.update(plain, map(split_surrogates, plain))
    if all(map(str.isascii, plain)):
        made.octets.update(plain)
    else:
        made.octets.update(_word_readings(_text_readings(text, by_bytes=True)))


def _word_readings(readings: Iterable[str]) -> set[str]:
    """Return readings, also without an end that may be read together with what follows it."""
    words = {word for reading in readings for word in (reading, reading.rstrip("\\%&"))}
    return {word for word in words if len(word) >= SHORTEST}


def _text_readings(text: str, *, by_bytes: bool) -> Iterator[str]:
    """Yield what a text is read as, not at all, once and twice, as it is and escaped.

    This is the text itself, unless it has what looks like an escape.
    """
    forms = {text, *_escaped_forms(text)} if _AMBIGUOUS.search(text) else {text}
    read = set(map(as_octets, forms)) if by_bytes else forms
    yield from read
    for _ in range(DEPTH):
        read = {unescape_text(form, by_bytes=by_bytes) for form in read}
        yield from read


def _escaped_forms(text: str) -> Iterator[str]:
    for plain in (True, False):
        escaped = json.dumps(text, ensure_ascii=plain)[1:-1]
        yield escaped
        yield escaped.replace("/", "\\/")
        yield html.escape(text, quote=plain)
    yield repr(text)[1:-1]
    yield shlex.quote(text)[1:-1]
    yield text.replace("'", "'\\''")
    yield text.replace("'", "''")
    yield text.replace('"', '""')
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)
    yield re.sub(r'([\\"$`])', r"\\\1", text)
    yield quote(text, errors="replace")
    yield quote(text, "", errors="replace")
    yield quote_plus(text, errors="replace")


def _stable_pieces(
    text: str, encode: Callable[[bytes], bytes], *, bits: int, group: int
) -> Iterator[str]:
    """Yield what of a text's base64 or base32 is the same whatever stands before and after it."""
    raw = text.encode(errors="surrogatepass")
    whole = encode(raw).decode()
    yield whole
    yield whole.rstrip("=")
    for before in range(group):
        first = -(-before * 8 // bits)
        last = (before + len(raw)) * 8 // bits
        if last - first >= SHORTEST_PIECE:
            yield encode(bytes(before) + raw).decode()[first:last]


def _base64_rows(text: str) -> Iterator[str]:
    """Yield the rows of a text's base64: one may be shown without the others."""
    whole = base64.b64encode(text.encode(errors="surrogatepass")).decode()
    for columns in _COLUMNS:
        rows = (whole[at : at + columns] for at in range(0, len(whole), columns))
        yield from (row for row in rows if len(row) >= SHORTEST_PIECE)
