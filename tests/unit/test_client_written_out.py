"""What `reprise follow` writes out: characters that are not visible, and what would be approved."""

from __future__ import annotations

import io
import json
import re
from typing import Any

from rich.console import Console

from streams.client.command.printers import Bars, JsonLines, Plain
from streams.client.frames import Event

PLAN = {"steps": ["stop", "start"], "groups": [{"name": "all", "targets": ["a", "b"]}]}


def event(type: str, data: dict[str, Any] | None = None, **members: Any) -> Event:
    return Event(1, type, "0" * 64, b"{}", data=data or {}, **members)


def test_what_is_not_visible_is_written_out() -> None:
    hidden, shown = "a\u202eb\u200bc", "a<U+202E>b<U+200B>c"
    reported = [
        event("job.submitted", {"title": hidden, "kind": "k"}),
        event("step.output", {"text": f"x{hidden}\n👩\u200d💻\n"}, step=hidden, target=hidden),
        event("job.failed", {"message": hidden}),
    ]
    out, screen = io.StringIO(), io.StringIO()
    Plain(out, out, output=True).events(reported)
    console = Console(file=screen, force_terminal=True, width=200)
    with Bars(console, output=True) as bars:
        bars.events(reported)
    assert out.getvalue() == (
        f"{shown}: k\n{shown} {shown} │ x{shown}\n{shown} {shown} │ 👩\u200d💻\nFailed: {shown}\n"
    )
    for found in (out.getvalue(), screen.getvalue()):
        assert not re.search("[\u202e\u200b]", found)
    assert f"x{shown}" in screen.getvalue()


def test_json_for_a_terminal_escapes_what_is_not_visible() -> None:
    raw = '{"title":"a\u202eb\U000e0041c\u0645\u06cc\u200c\u062e"}'
    out = io.BytesIO()
    shown = Event(1, "job.submitted", "0" * 64, raw.encode())
    JsonLines(out, None, for_terminal=True).events([shown])
    text = out.getvalue().decode()
    assert text == '{"title":"a\\u202eb\\udb40\\udc41c\u0645\u06cc\u200c\u062e"}\n'
    assert json.loads(text) == json.loads(raw)


def test_an_approval_is_asked_for_beside_what_would_run() -> None:
    params = {"command": "rm -rf /\rls\n\x1b[2Kecho", "targets": ["a", "b"], "batch": 10}
    data = {
        "title": "T",
        "kind": "command",
        "params": params,
        "plan": PLAN,
        "authors": ["user:eve"],
    }
    asked = event("job.approval_requested", {"words": "Go on?"}, actor="worker:w/1")
    out = io.StringIO()
    Plain(out, out, output=True).events([event("job.submitted", data, actor="user:ann"), asked])
    assert out.getvalue().splitlines() == [
        "T: command",
        "Waits for approval: Go on?",
        "  kind: command",
        "  submitted by: ann, written by eve",
        "  2 targets: a, b",
        "  command: rm -rf /<U+000D>ls",
        "    <U+001B>[2Kecho",
        "  targets: a, b",
        "  batch: 10",
    ]


def test_long_parameters_are_cut_and_counted() -> None:
    data = {"title": "T", "kind": "k", "params": {"text": "x" * 5000}, "extended": 1}
    out = io.StringIO()
    asked = event("job.approval_requested", {"words": "Go on?"})
    Plain(out, out, output=True).events([event("job.submitted", data), asked])
    cut, more = out.getvalue().splitlines()[-2:]
    assert cut == f"  text: {'x' * 2000}… (5,000 characters, on the page all of them)"
    assert more == "  Lists that are longer are on the page."
    Plain(out, out, output=True).events([asked])  # begun in the middle: what would run is not known
