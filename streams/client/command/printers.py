"""How the command shows what happens: JSON lines, plain lines, or bars on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import BinaryIO, Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from core.terminal import Line, reveal, reveal_json
from streams.client.command.approval import Submission
from streams.client.command.board import Board
from streams.client.command.lines import Terminals, colour_line, one_line
from streams.client.command.words import event_words
from streams.client.frames import Event

# Bars of targets at a time: those that run, and those that failed last.
MOST_BARS = 12


class Printer:
    """Shows events, and notes about the connection, while its context lasts; this one nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def events(self, events: Sequence[Event]) -> None:
        """Show nothing."""

    def note(self, note: str) -> None:
        """Say nothing."""


class JsonLines(Printer):
    """Each event on a line of standard output, exactly as it came; notes on standard error.

    JSON may hold what is not visible as it is, from U+007F on: it is escaped `for_terminal`.
    """

    def __init__(self, out: BinaryIO, notes: TextIO | None, *, for_terminal: bool = False) -> None:
        self._out, self._notes, self._for_terminal = out, notes, for_terminal

    def events(self, events: Sequence[Event]) -> None:
        """Write them."""
        lines = b"".join(event.raw + b"\n" for event in events)
        if self._for_terminal:
            lines = reveal_json(lines.decode()).encode()
        self._out.write(lines)
        self._out.flush()

    def note(self, note: str) -> None:
        """Write it, unless notes are not wanted."""
        if self._notes is not None:
            print(note, file=self._notes, flush=True)


class Plain(Printer):
    """Lines without colours: events on standard output, notes on standard error."""

    def __init__(self, out: TextIO, notes: TextIO, *, output: bool) -> None:
        self._out, self._notes, self._output = out, notes, output
        self._terminals = Terminals()
        self._submission = Submission()

    def events(self, events: Sequence[Event]) -> None:
        """Write what there is to say of them."""
        for event in events:
            for prefix, line in self._terminals.take(event):
                if self._output:
                    self._print_line(prefix, line)
            self._submission.take(event)
            if said := event_words(event):
                self._print_said(event, said)
            if event.type == "job.approval_requested":
                for fact in self._submission.lines():
                    self._print_said(event, fact)
        self._out.flush()

    def note(self, note: str) -> None:
        """Write it."""
        print(note, file=self._notes, flush=True)

    def _print_line(self, prefix: str, line: Line) -> None:
        print(f"{prefix}{reveal(line.text)}", file=self._out)

    def _print_said(self, event: Event, said: str) -> None:
        print(said, file=self._out)


class Bars(Plain):
    """The same lines in colour above bars: one for the job, one for each target that runs."""

    def __init__(self, console: Console, *, output: bool) -> None:
        super().__init__(sys.stdout, sys.stdout, output=output)
        self._console, self._board = console, Board()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[step]}", style="dim"),
            console=console,
            transient=True,
        )
        self._all = self._progress.add_task("Waiting", total=None, step="")
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away; the lines stay."""
        self._progress.stop()

    def events(self, events: Sequence[Event]) -> None:
        """Show the lines, then where the job is after them."""
        for event in events:
            self._board.take(event)
        super().events(events)
        self._draw_bars()

    def note(self, note: str) -> None:
        """Write it, less loud than the rest."""
        self._print_text(Text(note, style="dim"))

    def _print_line(self, prefix: str, line: Line) -> None:
        self._print_text(Text.assemble((prefix, "cyan"), colour_line(line)))

    def _print_said(self, event: Event, said: str) -> None:
        bad = event.type in ("step.failed", "job.failed", "job.rejected")
        good = event.type in ("step.succeeded", "job.succeeded")
        self._print_text(Text(said, style="red" if bad else "green" if good else "bold"))

    def _print_text(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

    def _draw_bars(self) -> None:
        board = self._board
        title = escape(one_line(board.title or "Job"))
        total = board.total or None
        self._progress.update(self._all, description=title, completed=board.done, total=total)
        shown = [target for target in board.targets.values() if target.running][:MOST_BARS]
        names = {target.name for target in shown}
        for name in [name for name in self._bars if name not in names]:
            self._progress.remove_task(self._bars.pop(name))
        for target in shown:
            if target.name not in self._bars:
                label = escape(one_line(target.name))
                self._bars[target.name] = self._progress.add_task(label, total=None, step="")
            self._progress.update(
                self._bars[target.name],
                completed=len(target.done) + target.part,
                total=board.steps_of(target),
                step=escape(one_line(target.step)),
            )
