"""How much a job may record of what its steps print, and the tail of a step that prints more."""

from __future__ import annotations

from collections.abc import Callable

TAIL_CHARS = 4000
Text = tuple[str, str]  # the stream, and what it said


class OutputQuota:
    """What is left of a job's output, for all its steps: `most` characters, 0 for no limit.

    `used` is what the log has. `is_closed` says that nothing more may be recorded anyway.
    """

    def __init__(
        self, most: int = 0, used: int = 0, is_closed: Callable[[], bool] = lambda: False
    ) -> None:
        self.most = most
        self.used = used
        self._is_closed = is_closed

    def take(self, size: int) -> int:
        """Return how many of so many characters may be recorded; they count from here on."""
        if self._is_closed():
            return 0
        room = max(self.most - self.used, 0) if self.most else size
        taken = min(size, room)
        self.used += taken
        return taken


class Tail:
    """What a step has printed beyond its job's quota: the last of it, and how much came before."""

    def __init__(self) -> None:
        self._texts: list[Text] = []
        self._kept = 0
        self.left_out = 0

    def add(self, stream: str, text: str) -> None:
        """Keep a text, and forget what came long before."""
        if not text:
            return
        self._texts.append((stream, text))
        self._kept += len(text)
        while self._kept - len(self._texts[0][1]) >= TAIL_CHARS:
            self._forget(len(self._texts[0][1]))
        if self._kept > TAIL_CHARS:
            self._forget(self._kept - TAIL_CHARS)

    def take(self) -> list[Text]:
        """Return the last that was printed, from the beginning of a line where it was cut."""
        if self.left_out and self._texts:
            self._forget(self._texts[0][1].find("\n") + 1)
        texts, self._texts, self._kept = self._texts, [], 0
        return texts

    def _forget(self, size: int) -> None:
        """Leave out so many characters of the first text."""
        stream, text = self._texts[0]
        self._texts[0] = stream, text[size:]
        if size == len(text):
            del self._texts[0]
        self._kept -= size
        self.left_out += size


def notice_of(left_out: int) -> str:
    """Return the line that stands for what was left out."""
    return f"\n[{left_out:,} characters left out: the job has printed more than it may]\n"
