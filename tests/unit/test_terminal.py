"""Our terminal: the cases that all parts share, the same in any chunks, and what pyte shows."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.terminal import PLAIN, Line, plain_text
from tests.support.terminal.corpus import CASES, Case, lines, runs
from tests.support.terminal.emulator import emulated, looks

by_name = pytest.mark.parametrize("case", CASES, ids=str)


@by_name
def test_a_case_in_its_lines_and_looks(case: Case) -> None:
    assert runs(lines(case.chunks)) == [list(line) for line in case.stretches]


@by_name
def test_a_case_is_the_same_whatever_the_chunks(case: Case) -> None:
    expected = [list(line) for line in case.stretches]
    assert runs(lines([case.text])) == expected
    assert runs(lines(list(case.text))) == expected


@by_name
def test_a_case_as_a_whole_text(case: Case) -> None:
    assert plain_text(case.text).rstrip() == "\n".join(case.lines).rstrip()


@pytest.mark.parametrize("case", [c for c in CASES if not c.differs and not c.pyte], ids=str)
def test_a_case_as_pyte_shows_it(case: Case) -> None:
    shown = emulated(case.chunks)
    found = rows_of(lines(case.chunks), len(shown))
    assert [normalize("NFC", row) for row in found] == [row.text for row in shown]  # as pyte does


def rows_of(found: list[Line], count: int) -> list[str]:
    """Return lines as rows of a screen: blanks for tabs, none at the end, and rows below them."""
    rows = [line.text.expandtabs(8).rstrip() for line in found]
    return rows + [""] * (count - len(rows))


E = "\x1b"
printed = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12),
    st.sampled_from(["é", "─", " ", "ab"]),
)
wide = st.sampled_from(["世界", "🎮", "e\u0301"])  # of which pyte leaves halves
moved = st.one_of(
    st.sampled_from(["\r", "\b", "\t", "\n", "\r\n", "\v", "\f"]),
    st.builds("{1}[{2}{0}".format, st.sampled_from("CaDGX"), st.just(E), st.integers(0, 20)),
    st.sampled_from(["K", "0K", "1K", "2K", "J", "0J", "C", "D", "G"]).map(f"{E}[{{}}".format),
)
colour = st.one_of(
    st.sampled_from([*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)]).map(str),
    st.builds("{};5;{}".format, st.sampled_from([38, 48]), st.integers(0, 255)),
    st.builds("{};2;{};7;9".format, st.sampled_from([38, 48]), st.integers(0, 255)),
    st.sampled_from(["0", "1", "3", "4", "7", "9", "22", "23", "24", "27", "29", "39", "49"]),
)
sgr = st.lists(colour, max_size=3).map(lambda codes: f"{E}[{';'.join(codes)}m")
unseen = st.sampled_from(
    [f"{E}]0;title\a", f"{E}]8;;https://example.org{E}\\", "\x9d2;title\x9c", f"{E}(B", f"{E}[?25l",
     f"{E}=", "\a", "\0", "\x7f", f"{E}7ab{E}8"]
)  # fmt: skip
piece = st.one_of(printed, printed, moved, sgr, unseen)
output = st.lists(piece, max_size=40).map("".join)
anything = st.lists(st.one_of(piece, wide, st.text(max_size=5), st.sampled_from(
    [E, "[", "]", ";", ":", "m", "P", "\x90", "\x9b", "\ud83d", "\ude00", f"{E}[5A", f"{E}[3;7H"]
)), max_size=30).map("".join)  # fmt: skip
cuts = st.lists(st.integers(0, 200), max_size=8)


def cut(text: str, at: list[int]) -> list[str]:
    """Return a text in chunks, cut anywhere."""
    ends = sorted(each % (len(text) + 1) for each in at)
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


@given(output, cuts)
def test_what_pyte_shows(text: str, at: list[int]) -> None:
    shown, found = emulated(cut(text, at)), lines(cut(text, at))
    assert len(found) <= len(shown)
    assert rows_of(found, len(shown)) == [row.text for row in shown]
    for line, row in zip(found, shown, strict=False):
        for column, look in looks(line):
            assert row.look(column) == look


@given(anything, cuts)
def test_the_same_however_the_text_is_cut(text: str, at: list[int]) -> None:
    assert runs(lines(cut(text, at))) == runs(lines([text]))


@given(anything)
def test_no_control_is_left_but_tabs(text: str) -> None:
    for line in lines([text]):
        assert not any(
            (sign < " " and sign != "\t") or "\x7f" <= sign <= "\x9f" for sign in line.text
        )
        assert all(style is not None for _, style in line.runs)


def test_a_line_of_a_million_characters_is_whole() -> None:
    chunks = ["x" * 10_000] * 100
    assert [line.text for line in lines(chunks)] == ["x" * 1_000_000]
    assert lines(["", "\x1b[m"]) == []
    assert runs(lines(["\x1b[31m\n"])) == [[("", PLAIN)]]
