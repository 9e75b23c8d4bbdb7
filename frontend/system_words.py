"""An event of the system's own log in one plain sentence (`frontend.words` has those of jobs).

`src/text/system-words.ts` says the same in the browser.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from jobs.events import EventType

_GIVEN = {"team": "place in team", "right": "right to"}


def _signed_in(data: Mapping[str, Any]) -> str:
    return f"{data.get('user')} signed in{_from(data)}"


def _sign_in_failed(data: Mapping[str, Any]) -> str:
    wait = data.get("wait_seconds")
    tail = f"; the next attempt has to wait {wait} s" if wait else ""
    what = "; the second factor was wrong" if data.get("proof") else ""
    return f"Could not sign in as {data.get('user')}{_from(data)}{what}{tail}"


def _signed_out(data: Mapping[str, Any]) -> str:
    reason = f": {data['reason']}" if data.get("reason") else ""
    return f"{data.get('user')} signed out{reason}"


def _from(data: Mapping[str, Any]) -> str:
    return f" from {data['address']}" if data.get("address") else ""


def _about(verb: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda data: f"{verb} {data.get('object')} {data.get('name')}"


def _changed(data: Mapping[str, Any]) -> str:
    before, after = data.get("before", {}), data.get("after", {})
    shown = [f"{name} {_json(before.get(name))} → {_json(after[name])}" for name in after]
    return f"{_about('Changed')(data)}: {', '.join([*shown, *data.get('hidden', ())])}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _granted(data: Mapping[str, Any]) -> str:
    return f"{_about('Gave')(data)} the {_what(data)}"


def _withdrawn(data: Mapping[str, Any]) -> str:
    return f"Took the {_what(data)} from {data.get('object')} {data.get('name')}"


def _what(data: Mapping[str, Any]) -> str:
    what = str(data.get("what"))
    return f"{_GIVEN.get(what, what)} {data.get('value')}"


def _configured(data: Mapping[str, Any]) -> str:
    changed = ", ".join(data.get("changed", ()))
    return f"The {data.get('process')} started with {changed or 'settings not recorded before'}"


SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    EventType.SYSTEM_SIGNED_IN: _signed_in,
    EventType.SYSTEM_SIGN_IN_FAILED: _sign_in_failed,
    EventType.SYSTEM_SIGNED_OUT: _signed_out,
    EventType.SYSTEM_ADDED: _about("Added"),
    EventType.SYSTEM_CHANGED: _changed,
    EventType.SYSTEM_REMOVED: _about("Removed"),
    EventType.SYSTEM_GRANTED: _granted,
    EventType.SYSTEM_WITHDRAWN: _withdrawn,
    EventType.SYSTEM_CONFIGURED: _configured,
    EventType.SYSTEM_MAINTAINED: lambda data: str(data.get("words")),
    EventType.SYSTEM_CLOSED: lambda data: str(data.get("message")),
}
"""By type, what says an event's data."""
