"""Masking: no secret in whatever pieces it comes, nothing else changed."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import re
import shlex
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.events import EventType, NewEvent
from jobs.run.output import Output
from jobs.secrets import MASK, logs
from jobs.secrets.masking import Masks, Stream
from tests.support.encoders import PYTHON, leaks

# Few letters, so that secrets overlap themselves and each other.
secret = st.text("ab\n'/ é", min_size=4, max_size=9).filter(lambda text: len(text.strip()) >= 4)
secrets = st.lists(secret, min_size=1, max_size=3)
PASSWORD = "p'4ss/w&rd \"é"


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[str], str]:
    """Secrets, and a text with some of them, whole and in part, and other things between."""
    hidden = draw(secrets)
    pieces = st.one_of(st.sampled_from(hidden), st.text("ab\n'/ éx", max_size=5))
    return hidden, "".join(draw(st.lists(pieces, max_size=8)))


def cut(text: str, places: list[int]) -> list[str]:
    """Cut a text into pieces, some of them empty."""
    ends = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


def streamed(masks: Masks, *pieces: str) -> str:
    """Return what a stream says that gets these pieces."""
    stream = Stream(masks)
    return "".join([*map(stream.feed, pieces), stream.close()])


@settings(deadline=None)
@given(texts(), st.lists(st.integers(0, 60)))
def test_however_a_text_is_cut_no_secret_is_left_and_the_result_is_the_same(
    scene: tuple[list[str], str], places: list[int]
) -> None:
    hidden, text = scene
    masks = Masks(hidden)
    reported = streamed(masks, *cut(text, places))
    assert reported == streamed(masks, text)
    for left in (reported, masks.text(text)):
        assert not any(value in left for value in hidden)


@settings(deadline=None)
@given(secrets, st.text("xyz0 \n•ñ", max_size=40), st.lists(st.integers(0, 40)))
def test_a_text_without_secrets_is_left_as_it_is(
    hidden: list[str], text: str, places: list[int]
) -> None:
    masks = Masks(hidden)
    assert streamed(masks, *cut(text, places)) == text
    assert masks.text(text) == text


@pytest.mark.parametrize(
    "endless", ["61 ", "YWJj\n", "\\", "\\u0061", "&#97;", "'", "0 ", " ", "   x"]
)
def test_what_is_held_back_does_not_grow_without_end(endless: str) -> None:
    stream = Stream(Masks(["aaaa bbbb", "abcabcab/c"]))
    text = endless * 2000
    assert len(text) - len("".join(map(stream.feed, text))) < 1000


def make(event_type: EventType, data: dict[str, Any]) -> NewEvent:
    return NewEvent(event_type, data)


@settings(deadline=None)
@given(texts(), st.sets(st.integers(0, 100)))
def test_output_of_two_streams_by_single_characters_shows_no_secret(
    scene: tuple[list[str], str], pauses: set[int]
) -> None:
    hidden, text = scene

    async def write_all() -> list[NewEvent]:
        sent: list[NewEvent] = []

        async def send(events: list[NewEvent]) -> None:
            sent.extend(events)

        output = Output(make, send, Masks(hidden))
        for number, character in enumerate(text):
            output.write(character, "out")
            output.write(character, "err")
            if number in pauses:
                await asyncio.sleep(0)
                output._flush_texts()
        return sent + await output.close()

    events = asyncio.run(write_all())
    for stream in ("out", "err"):
        reported = "".join(e.data["text"] for e in events if e.data["stream"] == stream)
        assert reported == streamed(Masks(hidden), text)


# Of all that escapes have a meaning for, and some that they have none for.
awkward = st.text("abcdefxu0123" + "\\%&'\"+ /<>;#é€😀$`\t\n" * 2, min_size=5, max_size=12)


@settings(deadline=None, max_examples=300)
@given(
    awkward.filter(lambda text: len(re.sub(r"[\\\s%&+]", "", text)) >= 4),
    st.sampled_from(sorted(PYTHON)),
    st.lists(st.integers(0, 99)),
)
def test_whatever_a_secret_is_no_encoder_lets_it_through(
    value: str, encoder: str, places: list[int]
) -> None:
    before, after = "It is: ", ", they say."
    text = before + PYTHON[encoder](value) + after
    masks = Masks([value])
    reported = streamed(masks, *cut(text, places))
    assert reported == streamed(masks, text)
    assert reported.startswith(before)
    assert reported.endswith(after)
    assert MASK in reported
    left = reported[len(before) : -len(after)].replace(MASK, " ")
    # Quotes and backslashes at either end may be taken for those of the encoding.
    assert [piece for piece in leaks(value, left) if re.search(r"[^\\'\" ]", piece)] == []


@settings(deadline=None)
@given(st.text("()*,.:;!?{}[]|~^_= \n\\%&'\"+<>", max_size=60), st.lists(st.integers(0, 60)))
def test_escapes_that_hide_no_secret_are_left_as_they_are(text: str, places: list[int]) -> None:
    masks = Masks(["c0rrect h'rse/b&ttery", "second\nsecret"])
    assert streamed(masks, *cut(text, places)) == text


@pytest.mark.parametrize("at", range(1, 8))
def test_of_a_secret_that_a_step_cuts_in_two_the_larger_part_is_masked(at: int) -> None:
    masks = Masks(["hunter2!"])
    first = streamed(masks, "first: ", "hunter2!"[:at])
    second = streamed(masks, "hunter2!"[at:], " :second")
    assert (first == f"first: {MASK}") is (at >= 4)
    assert (second == f"{MASK} :second") is (at <= 4)


def test_a_part_of_a_secret_in_the_midst_of_output_is_no_secret() -> None:
    masks = Masks(["hunter2!", "-----END OF SOMETHING-----"])
    text = "-----\nhunter, ter2!, hunte\n"
    assert streamed(masks, *text) == text
    assert masks.text("hunter") == "hunter"  # a name, such as a target's


def test_lines_that_a_handler_prints_at_once_are_masked_together() -> None:
    # Of no other test: the process masks what a run has left for a while yet.
    secret = "Known to this test alone. " * 6
    masks, under = Masks([secret]), io.StringIO()
    logs.hide_secrets(masks)
    text = logs.MaskedText(under)
    print(base64.encodebytes(secret.encode()).decode(), "in\nall", file=text)
    text.close()
    logs.let_go(masks)
    assert under.getvalue() == f"{MASK}\n in\nall\n"


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.urlsafe_b64encode(PASSWORD.encode()).decode().rstrip("="),
        base64.b64encode(PASSWORD.encode() + b"\n").decode(),
        quote(PASSWORD),
        quote(PASSWORD, safe="").lower(),
        json.dumps(PASSWORD),
        json.dumps(PASSWORD, ensure_ascii=False),
        shlex.quote(PASSWORD),
        repr(PASSWORD),
        PASSWORD.encode().hex(),
    ],
)
def test_common_encodings_are_masked(form: str) -> None:
    assert form.strip("\"'") not in Masks([PASSWORD]).text(f"[{form}]")


@settings(deadline=None)
@given(st.binary(max_size=7), st.binary(max_size=7))
def test_base64_of_something_around_it_does_not_give_it_away(before: bytes, after: bytes) -> None:
    value = b"correct horse battery"
    encoded = base64.b64encode(before + value + after).decode()
    reported = Masks([value.decode()]).text(encoded)
    assert MASK in reported
    # At either end a character of base64 may stand for a few bits of the value, no more.
    assert len(encoded) - len(reported.replace(MASK, "")) >= len(value) * 8 // 6 - 1


def test_each_line_of_a_key_is_masked() -> None:
    key = "-----BEGIN-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END-----\n"
    reported = Masks([key]).text("found: hkiG9w0BAQEFAASC in line 3\r\nMIIEvQIBADANBgkq")
    assert reported == f"found: {MASK} in line 3\r\n{MASK}"


def test_values_are_masked_in_members_names_and_numbers() -> None:
    masks = Masks(["hunter2!", "12345678"])
    value = {"hunter2!": ["x hunter2!", 12345678, 7, True, None], "at": 1.5}
    assert masks.value(value) == {MASK: [f"x {MASK}", MASK, 7, True, None], "at": 1.5}
    assert Masks().value(value) is value


def test_a_message_that_was_cut_does_not_end_with_half_a_secret() -> None:
    masks = Masks(["hunter2!"])
    assert masks.cut("er2! is wrong, so is hunt", 100) == f"{MASK} is wrong, so is {MASK}"
    assert masks.cut("hunter2!" + "x" * 50, 10) == f"{MASK}xxxxxx"


def test_log_records_are_masked_with_their_tracebacks() -> None:
    masks = Masks(["hunter2!"])
    formatter = logs.MaskedFormatter("%(message)s")
    try:
        raise ValueError("bad password hunter2!")
    except ValueError as error:
        where = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", 40, "f", 1, "saw %s", ("hunter2!",), where)
    logs.hide_secrets(masks)
    logs.let_go(masks)
    reported = formatter.format(record)
    assert f"saw {MASK}" in reported
    assert f"ValueError: bad password {MASK}" in reported
    assert "hunter2!" not in reported
