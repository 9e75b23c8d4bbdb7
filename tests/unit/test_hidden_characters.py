"""Characters that nobody sees: the cases that the page's twin shares, and what always holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.terminal import hidden_words, reveal

CASES = json.loads((Path(__file__).parent.parent / "support/characters/cases.json").read_text())
HIDDEN = "\u202e\u200b\u200c\u200d\u00ad\ufeff\ufe0f\U000e0041\U000e0100\u2066\u0000\r\ud800"
texts = st.text(
    st.one_of(st.sampled_from(HIDDEN + "a1#\u20e3\u0645\u0915\u094d🚀❤👩辻\n\t"), st.characters())
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_case(case: dict[str, str]) -> None:
    text, shown = case["text"], case["shown"]
    assert reveal(text) == shown
    found = hidden_words(text.replace("\n", "").replace("\t", ""))
    assert bool(found) == (shown != text)


@given(texts)
def test_what_is_revealed_hides_nothing_and_stays(text: str) -> None:
    shown = reveal(text)
    assert reveal(shown) == shown
    assert not hidden_words(shown.replace("\n", "").replace("\t", ""))


@given(texts)
def test_a_text_is_refused_exactly_where_something_of_it_is_not_seen(text: str) -> None:
    line = text.replace("\n", "").replace("\t", "")
    assert (hidden_words(line) == "") == (reveal(line) == line)


def test_the_refusal_names_the_code_point() -> None:
    assert hidden_words("ab") == ""
    assert (
        hidden_words("a\u202eb") == "It has U+202E (right-to-left override), which is not visible."
    )
    assert hidden_words("a\nb") == "It has U+000A, which is not visible."
    assert hidden_words("a\nb", kept="\n") == ""
