"""What a program writes, taken apart as a terminal does (ECMA-48)."""

from __future__ import annotations

import re
from typing import Protocol

# No program writes more parameters; an endless sequence takes no more memory.
LONGEST = 256
_BEGINS = {"[": "sequence", "]": "title", **dict.fromkeys("PX^_", "string")}
_PRINTED = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_PARAMETERS = re.compile(r"[0-9;:]*")
_HALVES = re.compile(r"[\ud800-\udfff]")


class Actions(Protocol):
    """What a terminal does with text, one call for each thing."""

    def print(self, text: str) -> None:
        """Show characters, none of which is a control."""

    def control(self, character: str) -> None:
        """Carry out a control; every newline, vertical tab and form feed comes as a newline."""

    def escape(self, final: str) -> None:
        """Carry out an escape sequence: ESC and `final`."""

    def sequence(self, final: str, parameters: str) -> None:
        """Carry out a control sequence: CSI, `parameters` of digits, `;` and `:`, and `final`."""


class Parser:
    """Takes text apart, however it is cut into chunks.

    A sequence or control string that has no end hides what follows, at most to the end of its line;
    a real terminal would hide the rest of the log.
    """

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._state = "text"
        self._held = ""
        self._half = ""

    def write(self, chunk: str) -> None:
        """Take the next chunk."""
        text = self._whole(self._half + chunk)
        at = 0
        while at < len(text):
            if run := _PRINTED.match(text, at):
                self._printed(run[0])
                at = run.end()
            else:
                self._control(text[at])
                at += 1

    def end(self) -> None:
        """Take it that the text has ended: what it left open is nothing."""
        if self._half:
            self._printed("\ufffd")
        self._half, self._state = "", "text"

    def _whole(self, text: str) -> str:
        """Return text with its characters whole, and keep the half of one at its end."""
        if not _HALVES.search(text):
            self._half = ""
            return text
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        whole = text.removesuffix(self._half) if self._half else text
        return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _printed(self, run: str) -> None:
        at = 0
        while at < len(run) and self._state in ("escape", "sequence") and self._continued(run[at]):
            at += 1
        if self._state == "text" and at < len(run):
            self._actions.print(run[at:])

    def _continued(self, character: str) -> bool:
        """Take a character of a sequence; False if it is not one, which ends that."""
        if " " <= character <= ("/" if self._state == "escape" else "?"):
            self._held = self._held + character if len(self._held) < LONGEST else "?"
            return True
        state, self._state = self._state, "text"
        if character > "~":
            return False
        if state == "escape" and not self._held:
            self._escape(character)
        elif state == "sequence" and _PARAMETERS.fullmatch(self._held):
            self._actions.sequence(character, self._held)
        return True

    def _control(self, character: str) -> None:
        if character >= "\x80":
            self._escape(chr(ord(character) - 0x40))
        elif character == "\x1b":
            self._begin("escape")
        elif character in "\x18\x1a":
            self._state = "text"
        elif character in "\n\v\f":
            self._state = "text"
            self._actions.control("\n")
        elif self._state not in ("title", "string"):
            self._actions.control(character)
        elif character == "\a" and self._state == "title":
            self._state = "text"

    def _escape(self, final: str) -> None:
        self._begin(_BEGINS.get(final, "text"))
        if self._state == "text":
            self._actions.escape(final)

    def _begin(self, state: str) -> None:
        self._state, self._held = state, ""
