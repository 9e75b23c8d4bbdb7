"""How text looks, as programs say it by SGR sequences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# An index of xterm's 256 colours, or red, green and blue; None is the terminal's own.
Colour = int | tuple[int, int, int] | None


class Style(NamedTuple):
    """How text looks."""

    fg: Colour = None
    bg: Colour = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    inverse: bool = False


PLAIN = Style()
# What begins a colour of several parameters: of text, of its ground, and of underlines, which is
# read, and not shown.
_COLOURS = (38, 48, 58)
_SIMPLE: Mapping[int, Mapping[str, Any]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"inverse": True},
    9: {"strike": True},
    21: {"underline": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"inverse": False},
    29: {"strike": False},
    39: {"fg": None},
    49: {"bg": None},
    **{30 + hue: {"fg": hue} for hue in range(8)},
    **{40 + hue: {"bg": hue} for hue in range(8)},
    **{90 + hue: {"fg": hue + 8} for hue in range(8)},
    **{100 + hue: {"bg": hue + 8} for hue in range(8)},
}


def styled(style: Style, parameters: str) -> Style:
    """Return the style after the parameters of an SGR sequence, e.g. `1;31` or `38:2::255:0:0`."""
    codes = parameters.split(";")
    while codes:
        code, *inline = [int(part or 0) for part in codes.pop(0).split(":")]
        if code in _COLOURS:
            colour = _inline(inline) if inline else _following(codes)
            if colour is not None and code != 58:
                style = style._replace(fg=colour) if code == 38 else style._replace(bg=colour)
        elif code == 4 and inline[:1] == [0]:
            style = style._replace(underline=False)
        else:
            style = style._replace(**_SIMPLE.get(code, {})) if code else PLAIN
    return style


def _inline(rest: list[int]) -> Colour:
    """Read `5:n` or `2:r:g:b`; there may be a colour space before r."""
    return _colour(rest if len(rest) < 5 or rest[0] != 2 else [2, *rest[2:5]])


def _following(codes: list[str]) -> Colour:
    """Take `5;n` or `2;r;g;b` off the front of what follows."""
    form = int(codes[0]) if codes and re.fullmatch(r"\d+", codes[0]) else 0
    taken = codes[: {5: 2, 2: 4}.get(form, 0)]
    del codes[: len(taken)]
    return _colour([int(code or 0) if ":" not in code else 256 for code in taken])


def _colour(said: list[int]) -> Colour:
    match said:
        case [5, index, *_] if index < 256:
            return index
        case [2, red, green, blue, *_] if max(red, green, blue) < 256:
            return red, green, blue
    return None
