"""What `reprise follow` shows, and what it never lets through to a terminal."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from core.terminal import PLAIN
from streams.client import Info, Resumed, State, Trouble
from streams.client.command import main, options
from streams.client.command.board import Board
from streams.client.command.printers import Bars, JsonLines, Plain
from streams.client.command.words import Notes
from streams.client.frames import Event
from tests.support.terminal.corpus import (
    CASES,
    INTERLEAVED,
    Case,
    Interleaved,
    Stretch,
    lines,
    runs,
)
from tests.unit.client_world import JOB, history

by_name = pytest.mark.parametrize("case", CASES, ids=str)
PAGE = f"http://127.0.0.1:9/jobs/{JOB}"
PLAN = {"steps": ["stop", "start"], "groups": [{"name": "all", "targets": ["a", "b"]}]}


def event(type: str, data: dict[str, Any] | None = None, **members: Any) -> Event:
    return Event(1, type, "0" * 64, b"{}", data=data or {}, **members)


RUN = [
    event("job.submitted", {"title": "Update", "kind": "k", "plan": PLAN, "total": 2}),
    event("attempt.started", {"worker": "w/1"}, attempt=1),
    event("step.started", {"try": 1, "occurrence": 1}, step="stop", target="a"),
    event("step.output", {"text": "\x1b[32mstop"}, step="stop", target="a"),
    event("step.output", {"text": "ped\x1b[0m\r\n50%\r99%"}, step="stop", target="a"),
    event("step.succeeded", {"occurrence": 1, "seconds": 1.25}, step="stop", target="a"),
    event("step.started", {"try": 1, "occurrence": 1}, step="stop", target="b"),
    event("step.failed", {"error": {"message": "no\x1b]0;x\x07 route"}}, step="stop", target="b"),
    event("job.progressed", {"done": 1, "total": 2}),
    event("job.failed", {"message": "1 server failed."}),
]
SHOWN = """\
Update: k
a stop │ stopped
a stop │ 99%
a stop │ ✓ done (1.2 s)
b stop │ ✗ failed: no route
Failed: 1 server failed.
"""


def test_plain_lines_name_the_target_and_the_step() -> None:
    out = io.StringIO()
    Plain(out, io.StringIO(), output=True).events(RUN)
    assert out.getvalue() == SHOWN


def test_without_output_there_is_what_became_of_the_steps() -> None:
    out = io.StringIO()
    Plain(out, io.StringIO(), output=False).events(RUN)
    assert out.getvalue() == "".join(
        line for line in SHOWN.splitlines(keepends=True) if "ped" not in line and "99%" not in line
    )


def test_bars_are_of_what_runs_and_the_lines_stay() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, color_system="standard")
    bars = Bars(console, output=True)
    with bars:
        bars.events(RUN[:4])
        described = [task.description for task in bars._progress.tasks]
        assert described == ["Update", "a"]
        bars.events(RUN[4:])
        assert [task.description for task in bars._progress.tasks] == ["Update"]
        assert bars._progress.tasks[0].completed == 1
    assert "stopped" in file.getvalue()
    assert "\x1b]0;" not in file.getvalue()


def test_json_is_each_event_as_it_came_on_a_line_and_nothing_else() -> None:
    out, notes, log = io.BytesIO(), io.StringIO(), history(3)
    printer = JsonLines(out, notes)
    printer.note("Following over SSE.")
    printer.events(log)
    assert out.getvalue() == b"".join(event.raw + b"\n" for event in log)
    assert notes.getvalue() == "Following over SSE.\n"


def test_the_board_counts_steps_of_targets() -> None:
    board = Board()
    for each in RUN[:6]:
        board.take(each)
    a, b = board.targets["a"], board.targets["b"]
    assert (len(a.done), board.steps_of(a), a.running, b.running) == (1, 2, False, False)
    board.take(event("step.started", step="start", target="a"))
    board.take(event("step.progressed", {"done": 1, "total": 4}, step="start", target="a"))
    assert (a.step, a.part) == ("start", 0.25)
    board.take(event("attempt.started", attempt=2))
    assert not a.running


def test_the_board_knows_the_targets_of_groups_that_did_not_fit() -> None:
    board = Board()
    board.take(event("job.submitted", {"plan": {**PLAN, "groups": []}, "extended": 1}))
    more = {"at": ["plan", "groups", 0, "targets"], "items": ["c"]}
    parts = [{"at": ["plan", "groups"], "items": PLAN["groups"]}, more]
    board.take(event("job.extended", {"parts": parts}))
    assert list(board.targets) == ["a", "b", "c"]


@given(st.builds(event, st.sampled_from([each.type for each in RUN]), st.dictionaries(
    st.sampled_from(["plan", "title", "done", "total", "text", "error", "seconds", "message"]),
    st.one_of(st.none(), st.text("ab\x1b\n", max_size=5), st.integers(), st.lists(st.integers()),
              st.just({"groups": [{"targets": ["x"]}]})),
)))  # fmt: skip
def test_data_of_another_shape_ends_nothing(odd: Event) -> None:
    Board().take(odd)
    Plain(io.StringIO(), io.StringIO(), output=True).events([odd])


def test_a_wait_is_said_in_words() -> None:
    waits = [{"for": "kind", "kind": "backup"}]
    reported = [
        event("job.waiting", {"for": "kind", "waits": waits, "count": 1}),
        event("job.waiting", {"for": "kind"}),
        event("job.waiting", {"for": "weather", "waits": [7], "count": 1}),
    ]
    out = io.StringIO()
    Plain(out, out, output=True).events(reported)
    assert out.getvalue().splitlines() == [
        "Waits for a worker that knows the kind backup",
        "Waits for: kind",
        "Waits for: weather",
    ]


HOSTILE = st.text(alphabet=st.sampled_from("a\x1b[]m;0K\x07\x9b\x9d\\P_\x00\x7f\t\n\r\b 1cHJ\x85"))
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def only_colours(text: str) -> bool:
    """Tell whether nothing in a text can do more to a terminal than colours, tabs and newlines."""
    rest = COLOURS.sub("", text)
    return not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", rest)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_but_colours_tabs_and_newlines_gets_through(a: str, b: str, c: str) -> None:
    reported = [
        event("job.submitted", {"title": a, "kind": b, "plan": PLAN, "total": 1}),
        event("attempt.started", {"worker": c}, attempt=2),
        event("step.started", {"try": 1}, step=a, target=b),
        event("step.output", {"text": c}, step=a, target=b),
        event("step.output", {"text": b, "stream": a}, step=a, target=b),
        event("step.retried", {"error": {"message": c}}, step=a, target=b),
        event("step.failed", {"error": {"message": c}, "reason": a}, step=a, target=b),
        event("job.waiting", {"for": a}),
        event("job.waiting", {"for": "kind", "waits": [{"for": "kind", "kind": b}]}),
        event("job.approval_requested", {"words": a}, actor=f"user:{b}"),
        event("job.failed", {"message": b}),
    ]
    out = io.StringIO()
    Plain(out, out, output=True).events(reported)
    assert only_colours(out.getvalue())
    assert "\x1b" not in out.getvalue()
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, color_system="truecolor")
    bars = Bars(console, output=True)  # not begun: rich moves the cursor for its bars
    bars.events(reported)
    assert only_colours(file.getvalue())


@by_name
def test_a_case_as_plain_lines(case: Case) -> None:
    out = io.StringIO()
    Plain(out, io.StringIO(), output=True).events(told(case))
    assert out.getvalue().removesuffix("a s │ ✓ done\n") == "".join(
        f"a s │ {line}\n" for line in case.lines
    )


@by_name
def test_a_case_in_its_colours(case: Case) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=2000, color_system="truecolor")
    Bars(console, output=True).events(told(case))
    *shown, end = runs(lines([file.getvalue()]))
    assert end[0][0].endswith("✓ done")
    assert [without_prefix(line) for line in shown] == [
        expanded(line or (("", PLAIN),)) for line in case.stretches
    ]


def told(case: Case) -> list[Event]:
    """Return the events of a step that wrote a case's chunks."""
    output = [event("step.output", {"text": t}, step="s", target="a") for t in case.chunks]
    return [*output, event("step.succeeded", {}, step="s", target="a")]


def without_prefix(line: list[Stretch]) -> list[Stretch]:
    """Return a line as it stood before its step's name was put in front."""
    (prefix, style), *rest = line
    assert (prefix[:6], style.fg) == ("a s │ ", 6)
    return rest or [("", PLAIN)]


def expanded(line: Sequence[Stretch]) -> list[Stretch]:
    """Return a line of the cases with blanks for its tabs."""
    text = "".join(part for part, _ in line)
    return [(text.expandtabs(8), line[0][1])] if "\t" in text else list(line)


@pytest.mark.parametrize("case", INTERLEAVED, ids=str)
def test_streams_and_steps_have_lines_of_their_own(case: Interleaved) -> None:
    out = io.StringIO()
    reported = [
        event(
            each["type"],
            {"text": each.get("text", ""), "stream": each.get("stream", "out")},
            step=each.get("step"),
            target=each.get("target"),
        )
        for each in case.events
    ]
    Plain(out, io.StringIO(), output=True).events([*reported, event("job.cancelled")])
    shown = [line for line in out.getvalue().splitlines() if re.match(r"\w+ \w+ │ (?![✓✗↻])", line)]
    expected = [f"{of.rpartition(' ')[0]} │ {text}" for _, of, text in case.lines]
    assert sorted(shown) == sorted(expected)


def test_json_on_a_terminal_has_its_controls_escaped() -> None:
    raw = '{"title":"a\x7f\x9b31m\x80é\u00ff"}'
    reported = sent(raw)
    out = io.BytesIO()
    JsonLines(out, None, for_terminal=True).events([reported])
    assert out.getvalue() == b'{"title":"a\\u007f\\u009b31m\\u0080\xc3\xa9\xc3\xbf"}\n'
    assert json.loads(out.getvalue()) == json.loads(raw)
    out = io.BytesIO()
    JsonLines(out, None).events([reported])
    assert out.getvalue() == raw.encode() + b"\n"


def sent(raw: str) -> Event:
    """Return an event that came as this text."""
    return Event(1, "job.submitted", "0" * 64, raw.encode())


def test_each_thing_about_the_connection_is_said_once() -> None:
    notes = Notes()
    live = Info(state=State.LIVE, transport="WebSocket", seq=812, head=812)
    away = replace(live, state=State.RECONNECTING, wait_s=1.0, error=Trouble("network", "Gone."))
    back = replace(
        live, transport="SSE", seq=1152, head=1152, resumed=Resumed(812, 340), error=away.error
    )
    assert notes.on(Info(state=State.CONNECTING)) == []
    assert notes.on(live) == ["Following over WebSocket."]
    assert notes.on(away) == ["Cut off at #812: Gone. Trying again."]
    assert notes.on(replace(away, wait_s=2.0)) == []
    assert notes.on(back) == [
        "Following over SSE.",
        "Resumed from #812, 340 events caught up, over SSE.",
    ]
    assert notes.on(back) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["follow"], ["follow", "nonsense"], ["follow", PAGE, "--after", "x"],
        ["follow", str(JOB)], ["follow", PAGE, "--transport", "pigeon"],
        ["follow", PAGE, "--token", "a b"], ["follow", PAGE, "--give-up", "-1"],
        ["follow", PAGE, "--token-file", "/nowhere/at/all"],
        ["follow", PAGE, "--token", "a", "--token-file", "b"],
        ["diff"], ["diff", PAGE], ["diff", PAGE, "nonsense"], ["diff", str(JOB), str(JOB)],
        ["diff", PAGE, f"http://127.0.0.2:9/jobs/{JOB}"], ["diff", PAGE, PAGE, "--after", "1"],
    ],
)  # fmt: skip
def test_wrong_usage_is_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REPRISE_SERVER", raising=False)
    try:
        status: object = main(arguments)
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    reported = capsys.readouterr()
    assert (reported.out, reported.err.splitlines()[-1][:8]) == (
        "",
        "reprise:",
    ) or "error:" in reported.err


def test_check_says_what_it_needs_where_only_the_client_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "core.command_line", None)  # no such module
    assert main(["check", "--against", "new"]) == 2
    reported = capsys.readouterr()
    assert reported.out == ""
    assert reported.err.startswith("reprise: `check` replays runs with the code of the service")
    assert "reprise-admin check_runs" in reported.err


def test_a_token_comes_from_the_file_else_the_option_else_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("rp_file\n")
    parse = options.make_parser().parse_args
    env = {"REPRISE_TOKEN": "rp_env"}
    for extra, expected in (
        (["--token-file", str(file)], "rp_file"),
        (["--token", "rp_option"], "rp_option"),
        ([], "rp_env"),
    ):
        made = options.make_follower(parse(["follow", PAGE, *extra]), env)
        assert made._door.headers == {"Authorization": f"Bearer {expected}"}
