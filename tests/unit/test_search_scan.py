"""A search finds what a terminal shows, however output is cut, and what the filters let through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.terminal import Line, Terminal
from jobs.events import parse_stored
from jobs.events.fold import State, fold_all
from streams.search.criteria import Criteria, failed_places
from streams.search.lines import LONGEST, LineSearch
from streams.search.scan import MOST_HELD, Scan
from tests.support.terminal.corpus import CASES, INTERLEAVED, Case, Interleaved
from tests.unit.test_terminal import anything

Members = dict[str, Any]


def text_of(seq: int, kind: str, data: Members, step: str = "", target: str = "") -> str:
    """Return an event as it is stored."""
    place = {name: value for name, value in (("step", step), ("target", target)) if value}
    members = {
        "seq": seq, "type": kind, "version": 1, "at": "2026-11-22T09:00:00.000000Z",
        "actor": "worker:test/1", "attempt": 1, **place, "data": data, "hash": "0" * 64,
    }  # fmt: skip
    stored = json.dumps(members, ensure_ascii=False)
    return stored if is_utf8(stored) else json.dumps(members)


def is_utf8(text: str) -> bool:
    """Return whether it has no half of a surrogate pair, which is stored as an escape."""
    return text == text.encode(errors="replace").decode()


def printed(
    *texts: str, stream: str = "out", step: str = "fetch", target: str = "gs-1"
) -> list[str]:
    return [
        text_of(seq, "step.output", {"text": text, "stream": stream}, step, target)
        for seq, text in enumerate(texts, 1)
    ]


def hits(texts: Sequence[str], criteria: Criteria, page: int = 3) -> list[int]:
    """Return what a scan finds that gets so many events at a time."""
    scan = Scan(criteria)
    found = [
        seq
        for start in range(0, len(texts), page)
        for seq in scan.take("\n".join(texts[start : start + page]))
    ]
    return sorted({*found, *scan.finish()})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_line_of_a_case_is_found_by_its_text(case: Case) -> None:
    for line in filter(str.strip, case.lines):
        assert hits(printed(*case.chunks), Criteria(text=line.upper()))
        assert not hits(printed(*case.chunks), Criteria(text=f"{line}?!"))


def events_of(case: Interleaved) -> list[str]:
    return [
        text_of(
            seq, each["type"],
            {"text": each.get("text", ""), "stream": each.get("stream", "out"),
             "message": each.get("text", "")},
            each.get("step", ""), each.get("target", ""),
        )
        for seq, each in enumerate(case.events, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("case", INTERLEAVED, ids=str)
def test_lines_of_several_streams_have_the_names_that_the_page_gives_them(
    case: Interleaved,
) -> None:
    for name, _of, text in case.lines:
        if text.strip():
            same = {int(other.split(".")[0].lstrip("#")) for other, _, t in case.lines if text in t}
            found = hits(events_of(case), Criteria(text=text))
            assert int(name.split(".")[0].lstrip("#")) in found
            assert set(found) == same


chunk = st.one_of(
    anything,
    st.lists(st.sampled_from(
        ["ab", "b", "A", "\n", "\r\n", "\r", "\x1b[1m", "\x1b[31", "m", "é", "\u0301", "世", "\t"]
    ), max_size=8).map("".join),
)  # fmt: skip
happened = st.tuples(
    st.sampled_from(["out", "out", "out", "err", "end"]), st.sampled_from("xy"), chunk
)
sought = st.one_of(
    st.sampled_from(["a", "ab", "ba", "bb", "é", "B\u0301", "世a", "\t"]),
    st.text(min_size=1, max_size=3).filter(lambda text: "\n" not in text),
)


@given(st.lists(happened, max_size=25), sought, st.integers(1, 9))
def test_the_same_as_every_line_that_a_terminal_shows(
    given_events: list[tuple[str, str, str]], text: str, page: int
) -> None:
    stored, shown = [], Shown()
    for seq, (stream, target, chunk) in enumerate(given_events, 1):
        if stream == "end":
            stored.append(text_of(seq, "step.started", {"try": 1}, "fetch", target))
            shown.end(target)
        else:
            stored.append(
                printed(chunk, stream=stream, target=target)[0].replace(
                    '"seq": 1,', f'"seq": {seq},'
                )
            )
            shown.write(seq, target, stream, chunk)
    assert hits(stored, Criteria(text=text), page) == shown.hits(text)


class Shown:
    """All lines, each by the event in which it begins: the slow and simple way."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, Line]] = []
        self._terminals: dict[tuple[str, str], Terminal] = {}
        self._seq = 0

    def write(self, seq: int, target: str, stream: str, text: str) -> None:
        self._seq = seq
        self._terminals.setdefault((target, stream), Terminal(self._create)).write(text)

    def end(self, target: str) -> None:
        for stream in ("out", "err"):
            if terminal := self._terminals.pop((target, stream), None):
                terminal.end()

    def hits(self, text: str) -> list[int]:
        for terminal in self._terminals.values():
            terminal.end()
        folded = text.casefold()
        return sorted({seq for seq, line in self.lines if folded in line.text.casefold()})

    def _create(self) -> Line:
        line = Line()
        self.lines.append((self._seq, line))
        return line


def test_a_line_over_events_is_named_after_the_first() -> None:
    texts = printed("pulling im", "age: fa", "iled\nnext line fai", "led", "\n")
    assert hits(texts, Criteria(text="IMAGE: Failed")) == [1]
    assert hits(texts, Criteria(text="failed")) == [1, 3]


@pytest.mark.parametrize(
    ("chunks", "text", "expected"),
    [
        (["\u0301bc\n"], "\u0301b", []),  # there is no letter for the accent
        (["ab\n\u0301bc", "\n"], "\u0301b", []),
        (["ab\u0301c\n"], "b\u0301", [1]),
        (["ab\x1b[B", "cd\n"], "  cd", [2]),  # it begins below the end of the first
        (["ab\x1b7\n", "\x1b8cd\n"], "  cd", [2]),
        (["\x1b]0;my ", "title\a", "ok\n"], "title", []),
        (["\x1b[3", "1mred\n"], "1m", []),
        (["a\r\n\x1b[32mb\x1b[m\r\n"], "b", [1]),
    ],
)
def test_a_terminal_decides(chunks: list[str], text: str, expected: list[int]) -> None:
    assert hits(printed(*chunks), Criteria(text=text)) == expected


def test_what_was_written_over_is_not_found() -> None:
    texts = printed("10 %", "\r20 %", "\r100 %\n")
    assert hits(texts, Criteria(text="10 %")) == []
    assert hits(texts, Criteria(text="100")) == [1]


def test_what_follows_in_a_line_without_end_is_named_after_its_own_event() -> None:
    parts = ["x" * 1000] * (LONGEST // 1000 + 3)
    texts = printed(*parts, "y nee", "dle", "and needle", "\nneedle")
    last = len(parts)
    assert hits(texts, Criteria(text="needle")) == [last + 2, last + 3, last + 4]


def test_a_line_that_is_written_over_without_end_takes_no_memory() -> None:
    found: list[int] = []
    lines = LineSearch("needle", found.append)
    for seq in range(1, 200):
        lines.write(seq, "\r" + "bar " * 1000)
        lines.look()
        assert lines.size <= LONGEST + 4001
    lines.write(200, "\rneedle\n")
    lines.look()
    assert len(found) == 1


def test_lines_that_have_not_ended_are_held_up_to_a_limit() -> None:
    scan = Scan(Criteria(text="begin end"))
    size = LONGEST // 2
    targets = [f"gs-{number}" for number in range(MOST_HELD // size + 2)]
    begun = [
        text_of(seq, "step.output", {"text": "x" * size + "begin ", "stream": "out"}, "go", target)
        for seq, target in enumerate(targets, 1)
    ]
    assert scan.take("\n".join(begun)) == []
    ended = [
        text_of(seq, "step.output", {"text": "end\n", "stream": "out"}, "go", target)
        for seq, target in enumerate(targets, len(targets) + 1)
    ]
    assert scan.take("\n".join(ended)) == []  # the lines were taken to have ended


LOG = [
    text_of(1, "job.submitted", {"title": "x", "message": "needle"}),
    text_of(2, "step.started", {"try": 1, "occurrence": 1}, "fetch", "gs-1"),
    text_of(3, "step.output", {"text": "a needle\n", "stream": "out"}, "fetch", "gs-1"),
    text_of(4, "step.output", {"text": "a needle\n", "stream": "err"}, "fetch", "gs-2"),
    text_of(5, "step.failed", {"error": {"message": "no \x1b[1mnee\x1b[mdle"}}, "fetch", "gs-2"),
    text_of(6, "step.output", {"text": "a needle\n", "stream": "out"}, "switch", "gs-1"),
    text_of(7, "step.progressed", {"done": 1}, "switch", "gs-1"),
    text_of(8, "step.started", {"try": 2, "occurrence": 1}, "switch", "gs-1"),
    text_of(9, "job.paused", {"reason": "needle"}),
    text_of(10, "job.failed", {"message": "1 needle"}),
]  # fmt: skip
BAD = frozenset({("fetch", "gs-2")})


@pytest.mark.parametrize(("criteria", "expected"), [
    (Criteria(), [3, 4, 5, 6, 8, 9, 10]),
    (Criteria(target="gs-1"), [3, 6, 8]),
    (Criteria(step="fetch"), [3, 4, 5]),
    (Criteria(step="fetch", target=""), []),
    (Criteria(target=""), [9, 10]),
    (Criteria(stream="err"), [4]),
    (Criteria(failed=BAD), [4, 5, 10]),
    (Criteria(failed=BAD, stream="out"), []),
    (Criteria(text="needle"), [3, 4, 5, 6, 9, 10]),
    (Criteria(text="NEEDLE", target="gs-2"), [4, 5]),
    (Criteria(text="needle", failed=BAD), [4, 5, 10]),
    (Criteria(text="needle", stream="out"), [3, 6]),
    (Criteria(text="no needle"), [5]),
])  # fmt: skip
def test_filters(criteria: Criteria, expected: list[int]) -> None:
    assert hits(LOG, criteria) == expected


def test_places_of_failures() -> None:
    texts = [
        text_of(1, "job.submitted", {"total": 1}),
        text_of(2, "attempt.started", {"worker": "w"}),
        *(
            text_of(seq, "step.started", {"try": 1, "occurrence": 1}, "go", f"t{seq}")
            for seq in (3, 4, 5, 6)
        ),
        text_of(7, "step.failed", {"try": 1, "occurrence": 1}, "go", "t3"),
        text_of(8, "step.succeeded", {"try": 1, "occurrence": 1}, "go", "t4"),
        text_of(9, "step.retried", {"try": 1, "occurrence": 1}, "go", "t5"),
        text_of(10, "step.started", {"try": 2, "occurrence": 1}, "go", "t5"),
        text_of(11, "step.succeeded", {"try": 2, "occurrence": 1}, "go", "t5"),
        text_of(12, "job.failed", {"message": "lost"}),
    ]  # fmt: skip
    found = [failed_places(fold_all(State(), map(parse_stored, texts[:end]))) for end in (11, 12)]
    assert found == [{("go", "t3"), ("go", "t5")}, {("go", "t3"), ("go", "t5"), ("go", "t6")}]
