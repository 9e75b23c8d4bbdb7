"""A line of the process's log as JSON: one schema for every process (docs/reference/logs.md)."""

from __future__ import annotations

import logging
import logging.config
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TypedDict

from core.log_context import current_fields, process_kind
from core.tracing import current_traceparent, is_on
from core.user_code import describe

logger = logging.getLogger("core.uncaught")


class LoggedError(TypedDict):
    """An exception that came with a line."""

    type: str
    message: str
    traceback: str


class CommonMembers(TypedDict):
    """What every line has."""

    time: str
    level: str
    logger: str
    message: str
    process: str
    pid: int


class LogLine(CommonMembers, total=False):
    """All members that a line may have; a record's other extras are left out."""

    action: str
    request: str
    trace: str
    span: str
    job: str
    attempt: int
    kind: str
    consumer: str
    method: str
    path: str
    status: int
    ms: float
    client: str
    error: LoggedError


_EXTRAS = LogLine.__optional_keys__ - {"error"}


def describe_record(record: logging.LogRecord) -> LogLine:
    """Return a record as a line: with what it belongs to, and its own extras before that."""
    own = {name: _plain(value) for name, value in vars(record).items() if name in _EXTRAS}
    line: LogLine = {
        "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}"
        f".{int(record.msecs):03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
        "process": process_kind(),
        "pid": record.process or os.getpid(),
    }
    line.update({**current_fields(), **_span_ids(), **own})  # type: ignore[typeddict-item]  # see _EXTRAS
    if record.exc_info and (error := record.exc_info[1]) is not None:
        line["error"] = _describe_error(error)
    return line


def _span_ids() -> dict[str, str]:
    """Return the ids of the span that is under way, where this process makes any."""
    if not is_on() or not (current := current_traceparent()):
        return {}
    _version, trace, span, _flags = current.split("-")
    return {"trace": trace, "span": span}


def _plain(value: object) -> str | int | float:
    return value if isinstance(value, int | float) else str(value)


def _describe_error(error: BaseException) -> LoggedError:
    """Return an error in words, whatever its own methods do."""
    words = describe(error)
    try:
        lines = "".join(traceback.format_exception(error))
    except BaseException:  # noqa: BLE001 - a kind's exception: formatting calls its methods
        lines = "".join(traceback.format_tb(error.__traceback__))
    return LoggedError(type=words.type, message=words.message, traceback=lines)


def configure(config: Mapping[str, Any]) -> None:
    """Configure logging (Django's LOGGING_CONFIG); as JSON, what is not logged is logged as well.

    That is what no code catches, in any thread, and Python's warnings.
    """
    logging.config.dictConfig({**config, "disable_existing_loggers": False})
    if config["handlers"]["stderr"]["formatter"] == "json":
        logging.captureWarnings(True)
        sys.excepthook = _log_uncaught
        threading.excepthook = _log_in_thread


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logger.critical("uncaught: %s", kind.__name__, exc_info=error, extra={"action": "uncaught"})


def _log_in_thread(raised: threading.ExceptHookArgs) -> None:
    name = raised.thread.name if raised.thread else "a thread"
    logger.critical(
        "uncaught in %s: %s", name, raised.exc_type.__name__,
        exc_info=raised.exc_value, extra={"action": "uncaught"},
    )  # fmt: skip
