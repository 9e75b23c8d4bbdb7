"""Characters that are not visible, or that change how others are read.

Texts with them show something else than what is there: a right-to-left override turns what follows
around, a zero width space makes two names of one. `frontend/src/text/characters.ts` is the twin
for the page; `tests/support/characters/cases.json` holds both to the same cases.

Some are part of how people write, where they stand: joiners in Arabic and Indic scripts, joiners
and selectors in emoji, selectors after ideographs. There they are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from unicodedata import category, name

# Controls, formats, halves of surrogate pairs, separators of lines and paragraphs.
_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Formats that have a shape: signs around Arabic, Syriac and Kaithi numbers.
_VISIBLE = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
# Letters and marks that have none.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_JOINERS = frozenset("\u200c\u200d\u180b\u180c\u180d\u180e\u180f")
_PRESENTATION = frozenset("\ufe0e\ufe0f")
_KEYCAP = "\u20e3"
# Emoji that are no symbols by their category, and tones of skin.
_EMOJI = frozenset(
    "\u203c\u2049\u2139\u3030\u303d\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
)


def _written(character: str) -> str:
    return f"<{_code_point(character)}>"


def reveal(text: str, write: Callable[[str], str] = _written) -> str:
    """Return a text in which what is hidden is written out: `<U+202E>`; tabs and newlines stay."""
    if text.isascii() and text.isprintable():
        return text
    found = _hidden_places(text, "\t\n")
    if not found:
        return text
    hidden = frozenset(found)
    return "".join(
        write(character) if at in hidden else character for at, character in enumerate(text)
    )


def reveal_json(text: str) -> str:
    """Return JSON text in which what is hidden is escaped, `\\u202e`: it means the same."""
    return reveal(text, lambda character: json.dumps(character)[1:-1])


def hidden_words(text: str, kept: str = "") -> str:
    """Return a sentence that names the first hidden character of a text; "" for none.

    Tabs and newlines count as hidden unless `kept` has them.
    """
    found = _hidden_places(text, kept)
    if not found:
        return ""
    character = text[found[0]]
    called = name(character, "").lower()
    return (
        f"It has {_code_point(character)}{f' ({called})' if called else ''}, which is not visible."
    )


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _hidden_places(text: str, kept: str) -> list[int]:
    return [
        at
        for at, character in enumerate(text)
        if _may_hide(character)
        and character not in kept
        and not _is_in_place(character, text[at - 1 : at], text[at + 1 : at + 2])
    ]


def _may_hide(character: str) -> bool:
    if character in _BLANK or character in _JOINERS or _is_selector(character):
        return True
    return category(character) in _CATEGORIES and character not in _VISIBLE


def _is_in_place(character: str, before: str, after: str) -> bool:
    """Return whether a character belongs between these two ("" at an end of the text)."""
    if not before:
        return False
    if character in _JOINERS and _is_joining(before):
        return True
    if character == "\u200d":
        return (_is_emoji(before) or before == "\ufe0f") and after != "" and _is_emoji(after)
    if not _is_selector(character):
        return False
    if character in _PRESENTATION and (before in "0123456789#*"):
        return after == _KEYCAP
    return _is_ideograph(before) or (character in _PRESENTATION and _is_emoji(before))


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _is_joining(character: str) -> bool:
    """Return whether it is a letter or mark of a script that is written with joiners."""
    joined = (
        "\u0600" <= character <= "\u109f"  # Arabic, Indic, Tibetan, Myanmar
        or "\u1780" <= character <= "\u18af"  # Khmer, Mongolian
        or "\U00011000" <= character <= "\U00011fff"  # more of the Indic ones
    )
    return joined and category(character)[0] in "LM" and not _may_hide(character)


def _is_emoji(character: str) -> bool:
    """Return whether it is an emoji, or a symbol which could be one."""
    kind = category(character)
    return kind == "So" or (kind == "Sm" and character >= "\u2190") or character in _EMOJI


def _is_ideograph(character: str) -> bool:
    return category(character) == "Lo" and (
        "\u3400" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character <= "\U0003ffff"
    )
