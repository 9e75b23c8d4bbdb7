"""The members of events that a search looks at: it reads too many to make whole objects of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec


class LogData(msgspec.Struct, gc=False):
    """What output says, and what people or commands have written into other events."""

    text: str = ""
    stream: str = "out"
    try_number: int = msgspec.field(default=1, name="try")
    error: Any = None
    message: Any = None
    reason: Any = None
    words: Any = None


class LogEvent(msgspec.Struct, gc=False):
    """An event; `step` and `target` are "" where it has none."""

    seq: int
    type: str
    data: LogData
    attempt: int = 0
    step: str = ""
    target: str = ""


_DECODER = msgspec.json.Decoder(LogEvent)


def parse_events(lines: str) -> list[LogEvent]:
    """Return the events of stored texts, joined by newlines."""
    try:
        return _DECODER.decode_lines(lines)
    except msgspec.MsgspecError:  # half of a surrogate pair, which an imported log may have
        return [_make_event(json.loads(line)) for line in lines.split("\n")]


def _make_event(event: dict[str, Any]) -> LogEvent:
    """Return the event of a JSON object, whose members may be of other types than ours."""
    data = event["data"]
    return LogEvent(
        event["seq"],
        event["type"],
        LogData(
            text=_text_of(data, "text"),
            stream=_text_of(data, "stream") or "out",
            try_number=_try_of(data),
            **{name: data.get(name) for name in ("error", "message", "reason", "words")},
        ),
        event["attempt"],
        event.get("step") or "",
        event.get("target") or "",
    )


def _text_of(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _try_of(data: dict[str, Any]) -> int:
    value = data.get("try")
    return value if isinstance(value, int) else 1
