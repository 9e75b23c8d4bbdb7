"""Reads the escapes of JSON, Python, JavaScript, shells, HTML, URLs and CSV, all alike."""

from __future__ import annotations

import re
from html.entities import html5

from jobs.secrets.views import Pieces, View, as_octets

_LEAD = re.compile(r"[\\%&'\"]")
_ESCAPE = r"""
    \\u(?P<code>[0-9a-fA-F]{4}) | \\u\{(?P<braced>[0-9a-fA-F]{1,6})\} | \\U(?P<long>[0-9a-fA-F]{8})
  | %u(?P<percent_code>[0-9a-fA-F]{4})
  | \\x(?P<byte>[0-9a-fA-F]{2}) | %(?P<percent>[0-9a-fA-F]{2}) | \\(?P<octal>[0-3][0-7]{2})
  | &\#0{0,8}(?P<decimal>[0-9]{1,7}); | &\#[xX]0{0,8}(?P<reference>[0-9a-fA-F]{1,6});
  | &(?P<entity>[A-Za-z][A-Za-z0-9]{1,31};)
  | (?P<quote>'\\'' | '"'"' | '') | (?P<double>"") | \\(?P<simple>.)
"""
# The beginning of an escape, at the end of what is there yet.
_BEGUN = r"""
    (?: \\ (?: u[0-9a-fA-F]{0,3} | u\{[0-9a-fA-F]{0,6} | U[0-9a-fA-F]{0,7} | x[0-9a-fA-F]?
             | [0-3][0-7]? )?
      | % (?: u[0-9a-fA-F]{0,3} | [0-9a-fA-F] )?
      | & (?: \#[0-9]{0,15} | \#[xX][0-9a-fA-F]{0,14} | [A-Za-z][A-Za-z0-9]{0,31} )?
      | ' (?: \\'? | "'?"? )? | " ) \Z
"""
_CLOSED = re.compile(_ESCAPE, re.VERBOSE | re.DOTALL)
_OPEN = re.compile(f"(?P<begun>{_BEGUN}) | {_ESCAPE}", re.VERBOSE | re.DOTALL)
_BASES = {"octal": 8, "decimal": 10}
_BYTES = {"byte", "percent", "octal"}
_CONTROLS = dict(zip("abtnvfreE", "\a\b\t\n\v\f\r\x1b\x1b", strict=True))
# Halves of a pair are kept apart, outside what UTF-8 cannot have; nobody else is in this plane.
_HALVES = 0x10_0000 - 0xD800


def unescape_view(view: View, *, final: bool = True, by_bytes: bool = False) -> View:
    r"""Read each escape as the character that it stands for, once, from left to right.

    A `%` or `\x` with two digits is a character of Latin-1, as JavaScript's `escape` and Python's
    `repr` have it, or with `by_bytes` a byte of UTF-8, and every other character is its bytes.
    """
    text, pattern, until = view.text, _CLOSED if final else _OPEN, len(view.text)
    pieces, at, look = Pieces(), 0, 0
    while lead := _LEAD.search(text, look):
        start, look = lead.span()
        if not (found := pattern.match(text, start)):
            continue
        if found.lastgroup == "begun":
            until = start
            break
        look = found.end()
        pieces.keep(text, at, start)
        pieces.replace(_read_escape(found, by_bytes), start, look)
        at = look
    if not at and until == len(text):
        return view
    pieces.keep(text, at, until)
    return pieces.over(view, until)


def unescape_text(text: str, *, by_bytes: bool = False) -> str:
    """Return a text with its escapes read once."""
    return unescape_view(View.of(text), by_bytes=by_bytes).text if _LEAD.search(text) else text


def split_surrogates(text: str) -> str:
    """Return a text as it reads where what is past U+FFFF is written as two escapes."""
    if text.isascii():
        return text
    codes = text.encode("utf-16-be", "surrogatepass")
    pairs = (int.from_bytes(codes[at : at + 2]) for at in range(0, len(codes), 2))
    return "".join(map(_code_character, pairs))


def _read_escape(found: re.Match[str], by_bytes: bool) -> str:
    kind = found.lastgroup or ""
    match kind:
        case "quote" | "double":
            return found[0][0]
        case "simple":
            return _CONTROLS.get(found[kind], found[kind])
        case "entity":
            read = html5.get(found[kind], found[0])
        case _:
            read = _code_character(int(found[kind], _BASES.get(kind, 16)))
    return as_octets(read) if by_bytes and kind not in _BYTES else read


def _code_character(code: int) -> str:
    if 0xD800 <= code <= 0xDFFF:
        return chr(_HALVES + code)
    return chr(code) if code <= 0x10FFFF else "\ufffd"
