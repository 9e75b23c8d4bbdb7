"""Text of strangers for a terminal: whole lines, and no control sequences but colours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rich.color import Color
from rich.style import Style as RichStyle
from rich.text import Text

from core.terminal import Line, Style, Terminal, plain_text, reveal
from core.terminal.style import Colour
from streams.client.command.board import TERMINAL
from streams.client.frames import Event

TAB = 8


def one_line(text: str) -> str:
    """Return a text without any control, in one line, and with nothing hidden."""
    return reveal(plain_text(text)).replace("\n", " ")


def colour_line(line: Line) -> Text:
    """Return a line in its colours, with blanks for its tabs: something stands before it."""
    text = Text()
    for part, style in line.runs:
        text.append(reveal(part), _rich_style(style))
    text.expand_tabs(TAB)
    return text


def _rich_style(style: Style) -> RichStyle:
    return RichStyle(
        color=_rich_colour(style.fg),
        bgcolor=_rich_colour(style.bg),
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        strike=style.strike,
        reverse=style.inverse,
    )


def _rich_colour(colour: Colour) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)


class Terminals:
    """Makes lines of events: each stream of each step on each target is a terminal of its own.

    A line is given out when it has ended, at the latest with its step.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str | None, str | None], defaultdict[str, Terminal]] = {}

    def take(self, event: Event) -> Iterator[tuple[str, Line]]:
        """Take the next event; yield the lines that it ends, each with what stands before it."""
        place = event.target, event.step
        data = event.data or {}
        if event.type == "step.output":
            if isinstance(text := data.get("text"), str):
                streams = self._open.setdefault(place, defaultdict(Terminal))
                for line in streams[str(data.get("stream") or "out")].write(text):
                    yield line_prefix(*place), line
        elif event.type == "attempt.started" or event.type in TERMINAL:
            yield from self._end_lines(list(self._open))
        elif event.type.startswith("step.") and event.type != "step.progressed":
            yield from self._end_lines([place])

    def _end_lines(self, places: list[tuple[str | None, str | None]]) -> Iterator[tuple[str, Line]]:
        for place in places:
            for terminal in self._open.pop(place, {}).values():
                for line in terminal.end():
                    yield line_prefix(*place), line


def line_prefix(target: str | None, step: str | None) -> str:
    """Return what stands before a step's lines: its target, and its name."""
    names = [one_line(name) for name in (target, step) if name]
    return " ".join(names) + " │ " if names else ""
