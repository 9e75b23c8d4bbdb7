"""The process's own logs: what runs in it keep secret is masked there too, tracebacks and all."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from typing import Any, TextIO

from django.conf import settings

from core.log_lines import describe_record
from core.terminal.characters import reveal
from jobs.secrets.masking import Masks

# What a run has left behind may still say something, such as an exception that nobody asked for.
LINGER_SECONDS = 300.0

_lock = threading.Lock()
_masks: dict[int, tuple[Masks, float | None]] = {}


def hide_secrets(masks: Masks) -> None:
    """Mask these values in every log record from now on."""
    if not masks:
        return
    now = time.monotonic()
    with _lock:
        for key, (_, ended) in list(_masks.items()):
            if ended is not None and now - ended > LINGER_SECONDS:
                del _masks[key]
        _masks[id(masks)] = (masks, None)


def let_go(masks: Masks) -> None:
    """Say that the run with these values is over: they are masked for a while yet."""
    with _lock:
        if id(masks) in _masks:
            _masks[id(masks)] = (masks, time.monotonic())


def mask_text(text: str) -> str:
    """Return a text without the secrets of the runs in this process."""
    with _lock:
        known = [masks for masks, _ in _masks.values()]
    for masks in known:
        text = masks.text(text)
    return text


class MaskedFormatter(logging.Formatter):
    """A formatter whose lines have no secret of a run in this process in them.

    Moments are in UTC. A message is one line, whatever is in it, so that nobody who has something
    logged can make up a line; only a traceback has lines of its own, after it.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the record's text in one line, with what is hidden written out."""
        text = mask_text(super().formatMessage(record))
        return reveal(text.replace("\n", "\\n").replace("\t", " "))

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text, with its traceback, masked."""
        return mask_text(super().format(record))


class JsonFormatter(logging.Formatter):
    """A formatter that makes a JSON object of a record (`core.log_lines.LogLine`), masked.

    It is ASCII, so that hidden characters are written out, and one line, traceback and all.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        return json.dumps(_mask_values(describe_record(record)))


def _mask_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _mask_values(one) for name, one in value.items()}
    return mask_text(value) if isinstance(value, str) else value


class MaskedText(io.TextIOBase):
    """Standard output or error for what a handler prints: whole lines, masked.

    Lines that are written together are masked together.
    """

    def __init__(self, under: TextIO) -> None:
        self._under = under
        self._line = ""
        self._writing = threading.Lock()

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of what is written to."""
        return self._under.fileno()

    def write(self, text: str) -> int:
        """Write the lines that `text` ends; what follows them waits for its end."""
        with self._writing:
            lines, newline, self._line = (self._line + text).rpartition("\n")
            if newline:
                self._write_out(mask_text(lines + newline))
        return len(text)

    def close(self) -> None:
        """Write what is left, and leave what is written to open."""
        if not self.closed:
            with self._writing:
                self._write_out(mask_text(self._line))
        super().close()

    def _write_out(self, text: str) -> None:
        self._under.write(text)
        self._under.flush()


class PrintedLines(MaskedText):
    """The same where the log is JSON: each line that is printed is a line of the log.

    It does not go through logging, which prints what goes wrong with it.
    """

    _formatter = JsonFormatter()

    def _write_out(self, text: str) -> None:
        for line in text.splitlines():
            printed = {"name": "printed", "msg": line, "levelno": logging.INFO}
            record = logging.makeLogRecord({**printed, "levelname": "INFO", "action": "print"})
            super()._write_out(f"{self._formatter.format(record)}\n")


def printed_text(under: TextIO) -> MaskedText:
    """Return what stands in for standard output or error, as REPRISE_LOG_FORMAT says."""
    return PrintedLines(under) if settings.REPRISE.log_format == "json" else MaskedText(under)
