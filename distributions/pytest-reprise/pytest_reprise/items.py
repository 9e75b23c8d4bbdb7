"""What is collected: a file for each history, a test for each way to replay it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ExceptionInfo, TerminalRepr

if TYPE_CHECKING:
    from jobs.replay.history import History

STATES = ".states.ndjson"
SHRUNK = ".shrunk.ndjson"


class ReplayFailed(Exception):
    """A history and today's code differ; the message is what people read."""


class HistoryFile(pytest.File):
    """One recorded history."""

    replays: tuple[str, ...] = ()

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each way to replay it."""
        for name in self.replays:
            item = ITEMS[name].from_parent(self, name=name)
            item.file = self
            yield item

    def load(self) -> History:
        """Read the history; ReplayFailed, naming the line, if it was changed."""
        from jobs.replay.history import HistoryInvalid, load_history

        try:
            return load_history(self.path)
        except HistoryInvalid as error:
            raise ReplayFailed(error.message) from error


class ReplayItem(pytest.Item):
    """One way to replay one history."""

    file: HistoryFile

    def runtest(self) -> None:
        """Replay; ReplayFailed at the first difference."""
        difference = self.replay(self.file.load())
        if difference is not None:
            raise ReplayFailed(str(difference))

    def replay(self, history: History) -> object | None:
        """Return the first difference, which has the words as `str`; None if there is none."""
        raise NotImplementedError

    def repr_failure(
        self, excinfo: ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        """Say what differs, and nothing about how that was found."""
        if isinstance(excinfo.value, ReplayFailed):
            return f"{self.path.name}: {self.name} replay\n\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return what stands above a failure."""
        return self.path, None, f"{self.name} replay of {self.path.stem}"


class FoldItem(ReplayItem):
    """Today's fold, held against the recorded states."""

    def replay(self, history: History) -> object | None:
        """Return the first difference; ReplayFailed if there are no states and none are wanted."""
        from jobs.replay.fold import replay_fold

        states = self.path.with_suffix(STATES)
        if not states.exists():
            if not self.config.getoption("replay_accept"):
                raise ReplayFailed(
                    f"There are no recorded states ({states.name}). Run once with --replay-accept,"
                    " look at them, and keep them beside the history."
                )
            _accept_states(states, history)
        with states.open(encoding="utf-8") as lines:
            return replay_fold(history, lines)


class HandlerItem(ReplayItem):
    """Today's handler of the kind, run against the record."""

    def replay(self, history: History) -> object | None:
        """Return the first divergence."""
        from jobs.replay.minimal_django import ensure_django

        ensure_django()
        from jobs.replay.handler import replay_handler

        # What was left out of a record cannot be compared: then only what a worker refuses counts.
        found = replay_handler(history, strict="redactions" not in history.header)
        if found is None or not self.config.getoption("replay_shrink"):
            return found
        return f"{found}\n\n{_shrink(self.path, history)}"


ITEMS: dict[str, type[ReplayItem]] = {"fold": FoldItem, "handler": HandlerItem}


def _accept_states(path: Path, history: History) -> None:
    from core.files import whole_file
    from jobs.events.recording import recorded_changes

    with whole_file(path) as file:
        file.writelines(f"{line}\n".encode() for line in recorded_changes(history.texts))


def _shrink(path: Path, history: History) -> str:
    """Write a smaller history that fails the same way beside one; return where, in words."""
    from jobs.replay.history import load_history
    from jobs.replay.shrink import handler_failure, shrink_file

    beside = shrink_file(path, handler_failure())
    count = len(load_history(beside).texts)
    return f"{count} of its {len(history.texts)} events fail in the same way: {beside.name}"
