"""Records check themselves: whatever is changed is refused, and the message names the line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records.record import header_line
from jobs.events.upcasters import UPCASTERS
from jobs.replay.history import UNKNOWN_JOB, HistoryInvalid, load_history, parse_history
from tests.support.histories import JOB, SUBMITTED, chained, event, greeting, recorded

LINES = recorded(greeting())
TEXTS = LINES[1:]
Change = Callable[[list[str]], list[str]]


def refused(lines: list[str] | list[bytes], job: UUID | None = None) -> str:
    with pytest.raises(HistoryInvalid) as caught:
        parse_history(lines, job)
    return caught.value.message


def test_a_record_is_a_history_with_todays_events() -> None:
    history = parse_history(LINES)
    assert (history.job, history.kind, history.texts) == (JOB, "greet", tuple(TEXTS))
    assert [one.seq for one in history.events] == list(range(1, 8))
    header = history.header
    assert (header["reprise_record"], header["reprise"]) == (1, "0.1.0")
    assert (header["head"], header["hash"]) == (7, history.events[-1].hash)
    assert header["types"]["job.submitted"] == [2]


def test_a_file_of_it_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "greet.ndjson"
    path.write_text("".join(f"{line}\n" for line in LINES))
    assert load_history(path) == parse_history(LINES)


def test_what_is_wrong_with_a_file_begins_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "greet.ndjson"
    path.write_bytes(LINES[0].encode() + b"\n\xff\n")
    with pytest.raises(HistoryInvalid, match=r"^greet.ndjson: Line 2: this is not UTF-8"):
        load_history(path)
    with pytest.raises(HistoryInvalid, match=r"none.ndjson: No such file"):
        load_history(tmp_path / "none.ndjson")


def test_events_alone_are_a_history_without_a_header() -> None:
    history = parse_history(TEXTS)
    assert (history.job, history.kind, history.header) == (UNKNOWN_JOB, "greet", {})
    assert parse_history(TEXTS, JOB).job == JOB
    assert refused(TEXTS, UUID(int=7)).startswith("Line 1: event 1 was changed, or is another job")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:3] + lines[4:], "Line 4: event 3 is missing: this is event 4"),
        (lambda lines: lines[:4] + lines[3:], "Line 5: this is event 3 again, not event 4"),
        (lambda lines: lines[:-1], "Line 8: event 7 is missing: the header says that"),
        (lambda lines: [*lines, lines[-1]], "Line 9: the header says that event 7 is the last"),
        (lambda lines: [*lines[:4], "", *lines[4:]], "Line 5: this line is empty"),
        (lambda lines: [*lines[:4], "{}", *lines[4:]], "Line 5: this is not event 4, nor"),
        (lambda lines: [lines[0], *chained(greeting(), UUID(int=7))], "Line 2: event 1 was"),
        (lambda lines: lines[:1], "Line 2: there are no events"),
        (lambda lines: [], "Line 1: there are no events"),
        (lambda lines: ["[]", *lines[1:]], "Line 1: this is neither the header of a record nor"),
        (lambda lines: [lines[0], *lines], "Line 2: this is not event 1, nor any other"),
    ],
)  # fmt: skip
def test_lines_that_are_missing_doubled_or_foreign_are_named(change: Change, said: str) -> None:
    assert refused(change(list(LINES))).startswith(said)


def with_header(**members: object) -> list[str]:
    return [header_line({**json.loads(LINES[0]), **members}), *LINES[1:]]


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ({"reprise_record": 2}, "Line 1: this is a record of version 2, not 1"),
        ({"reprise_record": None}, "Line 1: this is a record of version None, not 1"),
        ({"kind": "other"}, "Line 1: the header's kind is other, not greet"),
        ({"hash": "0" * 64}, "Line 1: the header's hash is 000"),
        ({"types": {}}, "Line 1: the header's types is {}, not"),
        ({"head": "7"}, "Line 1: the header was changed"),
        ({"head": True}, "Line 1: the header was changed"),
        ({"job": "gs-001"}, "Line 1: the header was changed"),
        ({"job": str(UUID(int=7))}, "Line 2: event 1 was changed, or is another job's"),
    ],
)
def test_a_header_that_is_not_the_events_is_refused(member: dict[str, object], said: str) -> None:
    assert refused(with_header(**member)).startswith(said)


def test_a_header_that_json_takes_and_nobody_writes_is_refused() -> None:
    odd = LINES[0].replace('"head":7', '"head":NaN')
    assert refused([odd, *TEXTS]).startswith("Line 1: the header was changed")


@given(st.data())
def test_any_byte_that_is_changed_is_named_by_its_line(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(LINES) - 1))
    raw = bytearray(LINES[number].encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    lines = [line.encode() for line in LINES]
    lines[number] = bytes(raw)
    found = re.match(r"Line (\d+): ", refused(lines))
    assert found is not None
    assert int(found[1]) == number + 1


def test_an_event_of_a_newer_reprise_is_named() -> None:
    newer = [event("job.submitted", SUBMITTED, version=9, attempt=0), *greeting()[1:]]
    said = refused(recorded(newer))
    assert said.startswith("Line 2: Event 1 is a job.submitted of version 9; this Reprise knows 2")


def test_an_upcaster_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    old = [event("job.submitted", SUBMITTED, version=1, attempt=0), *greeting()[1:]]
    assert parse_history(recorded(old)).events[0].version == 2
    monkeypatch.delitem(UPCASTERS, ("job.submitted", 1))
    said = refused(recorded(old))
    assert said == "Line 2: there is no upcaster from version 1 of job.submitted."
