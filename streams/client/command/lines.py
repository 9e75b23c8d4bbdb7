"""Text of strangers for a terminal: whole lines, and no control sequences but colours."""

from __future__ import annotations

import re

# Sequences as ECMA-48 has them: strings (OSC, DCS, SOS, PM, APC) with their content, CSI, the rest.
_SEQUENCE = re.compile(
    r"(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?P<csi>(?:\x1b\[|\x9b)[0-?]*[ -/]*(?P<final>[@-~])?)"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


def coloured(text: str) -> str:
    """Return a text with its colours (SGR sequences), tabs and newlines, and no other control."""
    kept = _SEQUENCE.sub(_only_colour, text)
    return _CONTROL.sub("", kept)


def plain(text: str) -> str:
    """Return a text without any control but tabs and newlines."""
    return _CONTROL.sub("", _SEQUENCE.sub("", text))


def _only_colour(found: re.Match[str]) -> str:
    body = found["csi"]
    if found["final"] != "m" or body.startswith("\x9b"):
        return ""
    return body if re.fullmatch(r"\x1b\[[0-9;:]*m", body) else ""


class Lines:
    """Makes lines of chunks, which may end anywhere, of one step on one target."""

    def __init__(self) -> None:
        self._rest = ""

    def take(self, text: str) -> list[str]:
        """Take the next chunk; return the lines that it completes."""
        *lines, self._rest = (self._rest + text).replace("\r\n", "\n").split("\n")
        return [_last_written(line) for line in lines]

    def rest(self) -> list[str]:
        """Return the line that nothing completed, if any."""
        rest, self._rest = self._rest, ""
        return [_last_written(rest)] if rest else []


def _last_written(line: str) -> str:
    """Return what a line shows where a command wrote it over and over, as progress meters do."""
    return line.rstrip("\r").rpartition("\r")[2]
