"""Redaction: structure stays, what was left out is proved, and nothing of it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records.compare import compare_disclosures, compare_original
from core.records.options import read_redaction
from core.records.record import (
    Record,
    RecordInvalid,
    header_line,
    make_header,
    read_record,
    record_lines,
)
from core.records.redacted import redacted_text
from core.records.redaction import Redaction, RedactionRefused
from core.records.spans import MASK
from jobs.events import Event
from jobs.events.recording import state_changes
from jobs.replay.history import History, HistoryInvalid, parse_history
from tests.support.histories import JOB, SUBMITTED, chained, event, greeting

PASSWORD = "/data/params/password"


def record_of(redaction: Redaction, events: list[Event]) -> tuple[list[str], list[str]]:
    """Return the lines of a redacted record, and its disclosures' lines."""
    redacted = redaction.apply(chained(events))
    header = make_header(JOB, redacted.texts, reprise="0.1.0", redactions=redacted.header)
    lines = list(record_lines(header, redacted.texts))
    return lines, [one.line() for one in redacted.disclosures]


def redacted(redaction: Redaction, events: list[Event]) -> History:
    return parse_history(record_of(redaction, events)[0])


def shape(value: Any) -> Any:
    """Return what has to stay of a value: its types, keys and lengths."""
    match value:
        case dict():
            return {name: shape(one) for name, one in value.items()}
        case list():
            return [shape(one) for one in value]
    return type(value)


def test_a_field_is_left_out_and_the_chain_of_the_originals_holds() -> None:
    history = redacted(Redaction([PASSWORD, "/data/text"]), greeting())
    original = parse_history(chained(greeting()))
    assert "hunter2" not in "".join(history.texts)
    assert history.events[0].data["params"] == {"name": "Ada", "password": "[redacted]"}
    assert history.events[3].data == {"text": "[redacted]", "stream": "out"}
    assert [one.hash for one in history.events] == [one.hash for one in original.events]
    assert history.header["redactions"] == {
        "fields": [PASSWORD, "/data/text"], "texts": 0, "masked": False, "events": 2, "values": 2,
    }  # fmt: skip


def test_structure_stays() -> None:
    rules = Redaction(["/data/*"], ["Ada"])
    history, original = redacted(rules, greeting()), parse_history(chained(greeting()))
    for left, was in zip(history.events, original.events, strict=True):
        names = ("seq", "type", "version", "at", "actor", "attempt", "step", "target", "hash")
        assert [getattr(left, n) for n in names] == [getattr(was, n) for n in names]
        assert shape(left.data) == shape(was.data)
    steps = [changes["steps"] for changes in state_changes(history.events)]
    kept = ("step", "target", "occurrence", "status", "try", "attempt")
    steps_were = [changes["steps"] for changes in state_changes(original.events)]
    assert [[[one[n] for n in kept] for one in some] for some in steps] == [
        [[one[n] for n in kept] for one in some] for some in steps_were
    ]


def test_numbers_and_truths_keep_their_types_and_nothing_stays_nothing() -> None:
    params = {"pin": 4711, "rate": 0.5, "on": True, "no": None, "list": [1, [2]], "of": {"a": 3}}
    events = [event("job.submitted", {**SUBMITTED, "params": params}), *greeting()[1:]]
    [first, *_] = redacted(Redaction(["/data/params"]), events).events
    assert first.data["params"] == {
        "pin": 0, "rate": 0.0, "on": False, "no": None, "list": [0, [0]], "of": {"a": 0},
    }  # fmt: skip
    [first, *_] = redacted(Redaction(texts=["4711"]), events).events
    assert first.data["params"] == {**params, "pin": 0}


def test_a_text_is_left_out_wherever_it_stands_in_a_value() -> None:
    events = greeting()
    events[3] = event("step.output", {"text": "pass hunter2hunter2, hunter", "stream": "out"})
    history = redacted(Redaction(texts=["hunter2"]), events)
    assert history.events[3].data["text"] == "pass [redacted], hunter"
    assert history.events[0].data["params"]["password"] == "[redacted]"
    assert "hunter2" not in "".join(history.texts)


def outputs(*texts: str, **fields: Any) -> list[Event]:
    return [event("step.output", {"text": text, "stream": "out"}, **fields) for text in texts]


@given(st.data())
def test_a_text_is_found_in_output_that_was_cut_anywhere(data: st.DataObject) -> None:
    whole = "a hunter2 b hunter2hunter2 c"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1))))
    pieces = [whole[i:j] for i, j in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    mixed = [one for text in pieces for one in (*outputs(text, step="say", target="a"),
                                                *outputs("x", step="say", target="b"))]  # fmt: skip
    events = [*greeting()[:3], *mixed, *greeting()[4:]]
    history = redacted(Redaction(texts=["hunter2"]), events)
    shown = "".join(one.data["text"] for one in history.events if one.target == "a")
    for part in ("hunter2", "hunter", "unt", "2"):
        assert part not in shown.replace("[redacted]", "")
    kept = shown.replace("[redacted]", "")
    assert kept == "a  b  c"


def test_long_lists_are_followed_into_the_events_that_complete_them() -> None:
    parts = [{"at": ["params", "hosts"], "items": ["a", "b"]}]
    more = [
        {"at": ["params", "hosts"], "items": ["c"]},
        {"at": ["plan", "steps"], "items": ["say"]},
    ]
    submitted: dict[str, Any] = {**SUBMITTED, "params": {"hosts": []}, "extended": 2}
    events = [
        event("job.submitted", submitted), event("job.extended", {"parts": parts}),
        event("job.extended", {"parts": more}), *greeting()[1:],
    ]  # fmt: skip
    history = redacted(Redaction(["/data/params/hosts/*"]), events)
    assert history.events[1].data["parts"][0]["items"] == ["[redacted]"] * 2
    assert [part["items"] for part in history.events[2].data["parts"]] == [["[redacted]"], ["say"]]
    history = redacted(Redaction(["/data/params/hosts/2"]), events)
    assert history.events[1].data["parts"][0]["items"] == ["a", "b"]
    assert history.events[2].data["parts"][0]["items"] == ["[redacted]"]


def test_with_masked_whole_texts_go_in_which_a_secret_was() -> None:
    events = greeting()
    events[3] = event("step.output", {"text": f"login ada with {MASK}\n", "stream": "out"})
    history = redacted(Redaction(masked=True), events)
    assert history.events[3].data["text"] == "[redacted]"
    assert history.header["redactions"]["values"] == 1


@pytest.mark.parametrize(
    "pointer",
    ["/data", "/data/kind", "/data/try", "/data/occurrence", "/data/plan/steps/0", "/data/gate",
     "/actor", "/step", "data/params", "", "/data/total", "/hash", "/data/extended"],
)  # fmt: skip
def test_what_names_structure_is_refused(pointer: str) -> None:
    with pytest.raises(RedactionRefused):
        Redaction([pointer])


@pytest.mark.parametrize(
    ("text", "where"),
    [("ada", "actor"), ("say", "step"), ("gs-001", "target"), ("greet", "/data/kind"),
     ("passw", "name of a member of /data/params")],
)  # fmt: skip
def test_a_text_that_stands_in_a_name_is_refused_and_not_repeated(text: str, where: str) -> None:
    with pytest.raises(RedactionRefused, match=where) as caught:
        Redaction(texts=[text]).apply(chained(greeting()))
    assert "which has to stay" in str(caught.value)


def test_a_redacted_record_is_not_redacted_again() -> None:
    lines, _ = record_of(Redaction([PASSWORD]), greeting())
    with pytest.raises(RedactionRefused, match="redacted already"):
        Redaction(["/data/text"]).apply(lines[1:])


RULES = Redaction([PASSWORD, "/data/text"])
LINES, DISCLOSED = record_of(RULES, greeting())


@given(st.data())
def test_any_byte_that_is_changed_is_named(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(LINES) - 1))
    raw = bytearray(LINES[number].encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    lines = [line.encode() for line in LINES]
    lines[number] = bytes(raw)
    with pytest.raises(HistoryInvalid, match=rf"^Line {number + 1}: "):
        parse_history(lines)


def test_redacted_events_are_for_records_that_say_so() -> None:
    header = make_header(JOB, LINES[1:], reprise="0.1.0")
    with pytest.raises(HistoryInvalid, match="Line 2: event 1 was changed"):
        parse_history(list(record_lines(header, LINES[1:])))
    with pytest.raises(HistoryInvalid, match="Line 1: event 1 was changed"):
        parse_history(LINES[1:])


@pytest.mark.parametrize("said", [{"events": 1}, {"values": 3}, None, []])
def test_a_header_that_counts_otherwise_is_refused(said: Any) -> None:
    header = json.loads(LINES[0])
    wrong = {**header["redactions"], **said} if isinstance(said, dict) else said
    with pytest.raises(HistoryInvalid, match="Line 1: the header's redactions are not those"):
        parse_history([header_line({**header, "redactions": wrong}), *LINES[1:]])


def original() -> Record:
    texts = chained(greeting())
    return read_record(record_lines(make_header(JOB, texts, reprise="0.1.0"), texts))


def forged(seq: int, **data: Any) -> Record:
    """Return the redacted record with an edited event whose check was made anew."""
    lines = list(LINES)
    members = json.loads(lines[seq])
    values, hash = members.pop("redacted"), members.pop("hash")
    del members["check"]
    members["data"] |= data
    lines[seq] = redacted_text(members, values, hash)
    return read_record(lines)


def test_the_original_shows_that_a_record_is_of_it() -> None:
    compare_original(read_record(LINES), original())


def test_the_original_shows_that_a_record_was_edited_with_all_its_checks() -> None:
    with pytest.raises(RecordInvalid, match=r"Line 5: event 4 .* more than what was left out"):
        compare_original(forged(4, stream="err"), original())
    with pytest.raises(RecordInvalid, match="Line 5: event 4 shows something else for /data/text"):
        compare_original(forged(4, text="[redacted] approved"), original())


def test_another_original_is_refused() -> None:
    texts = chained(greeting(), UUID(int=7))
    other = read_record(record_lines(make_header(UUID(int=7), texts, reprise="0.1.0"), texts))
    with pytest.raises(RecordInvalid, match="Line 1: the original is of another job"):
        compare_original(read_record(LINES), other)
    longer = chained([*greeting()[:-1], *outputs("more"), greeting()[-1]])
    other = read_record(record_lines(make_header(JOB, longer, reprise="0.1.0"), longer))
    with pytest.raises(RecordInvalid, match="the original has another history"):
        compare_original(read_record(LINES), other)


def test_disclosures_open_what_was_left_out_each_alone() -> None:
    record = read_record(LINES)
    assert compare_disclosures(record, DISCLOSED) == 2
    assert compare_disclosures(record, DISCLOSED[1:]) == 1
    assert json.loads(DISCLOSED[0])["value"] == "hunter2"


@pytest.mark.parametrize(
    ("member", "value"),
    [("value", "hunter3"), ("salt", "0" * 32), ("pointer", "/data/title"), ("seq", 2), ("seq", 99)],
)
def test_a_wrong_disclosure_is_named(member: str, value: object) -> None:
    wrong = json.dumps({**json.loads(DISCLOSED[0]), member: value})
    with pytest.raises(ValueError, match="Line 2 of the disclosures"):
        compare_disclosures(read_record(LINES), [DISCLOSED[1], wrong])


def test_equal_values_have_different_commitments() -> None:
    events = [*greeting()[:3], *outputs("same", "same"), *greeting()[4:]]
    lines, _ = record_of(Redaction(["/data/text"]), events)
    found = [json.loads(line)["redacted"]["/data/text"] for line in lines[4:6]]
    assert found[0] != found[1]


def test_texts_that_cannot_be_read_are_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "texts"
    with pytest.raises(RedactionRefused, match="texts: No such file or directory"):
        read_redaction([], file, masked=False)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(RedactionRefused, match="texts: not a text"):
        read_redaction([], file, masked=False)
    file.write_text("a secret\nanother\n")
    assert read_redaction([], file, masked=False)
