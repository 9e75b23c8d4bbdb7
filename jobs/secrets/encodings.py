"""What a value looks like once a program has quoted or encoded it."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

# A piece of base64 that is shorter says nothing, and is found in any text.
_SHORTEST_PIECE = 6
_COLUMNS = (64, 76)
_PERCENT = re.compile(r"%[0-9A-F]{2}")


def forms(value: str) -> Iterator[str]:
    """Yield the value as it is, each of its lines, and both as common encodings have them.

    Those are JSON's and Python's escapes, shells' quotes, HTML's, percent-encoding, hexadecimal
    digits and base64, in this also where the value begins in the midst of what was encoded.
    """
    for text in {value, value.strip(), *map(str.strip, value.splitlines())}:
        yield text
        yield from _quoted(text)
        yield from _percent(text)
    yield value.replace("\n", "\r\n")
    raw = value.encode(errors="surrogatepass")
    yield raw.hex()
    yield raw.hex().upper()
    yield from _base64(raw)
    yield from _base64(value.strip().encode(errors="surrogatepass"))


def _quoted(text: str) -> Iterator[str]:
    for plain in (True, False):
        escaped = json.dumps(text, ensure_ascii=plain)[1:-1]
        yield escaped
        yield escaped.replace("/", "\\/")
        yield html.escape(text, quote=plain)
    yield repr(text)[1:-1]
    yield shlex.quote(text)[1:-1]
    yield text.replace("'", "'\\''")
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)
    yield re.sub(r'([\\"$`])', r"\\\1", text)


def _percent(text: str) -> Iterator[str]:
    for encoded in (
        quote(text, errors="replace"),
        quote(text, "", errors="replace"),
        quote_plus(text, errors="replace"),
    ):
        yield encoded
        yield _PERCENT.sub(lambda found: found[0].lower(), encoded)


def _base64(raw: bytes) -> Iterator[str]:
    """Yield what of the value's base64 is the same whatever stands before and after it."""
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        whole = alphabet(raw).decode()
        yield whole
        yield whole.rstrip("=")
        for columns in _COLUMNS:  # as programs wrap it
            yield from (whole[at : at + columns] for at in range(0, len(whole), columns))
        for before in range(3):
            encoded = alphabet(bytes(before) + raw).decode().rstrip("=")
            first = -(-before * 8 // 6)
            last = (before + len(raw)) * 8 // 6
            if last - first >= _SHORTEST_PIECE:
                yield encoded[first:last]
