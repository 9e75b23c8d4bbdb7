"""Output beyond a job's quota: the first part and each step's tail stay, the rest is counted."""

from __future__ import annotations

import asyncio
import re

from hypothesis import given
from hypothesis import strategies as st

from jobs.events import NewEvent
from jobs.run.output import Output
from jobs.run.quota import TAIL_CHARS, OutputQuota
from tests.unit.test_output import Log, make

LINE = "0123456789\n"
writes = st.lists(
    st.tuples(st.sampled_from(["out", "err"]), st.integers(0, 400)), min_size=1, max_size=8
)


def texts_of(events: list[NewEvent]) -> list[str]:
    return [event.data["text"] for event in events]


def left_out(events: list[NewEvent]) -> int:
    return sum(event.data.get("left_out", 0) for event in events)


async def print_all(quota: OutputQuota, parts: list[tuple[str, str]]) -> list[NewEvent]:
    log = Log()
    output = Output(make, log.append, quota=quota)
    for stream, text in parts:
        output.write(text, stream)
        output._flush_texts()
        await asyncio.sleep(0)
    rest = await output.close()
    return log.events + rest


@given(st.lists(writes, min_size=1, max_size=4), st.integers(1, 12_000))
def test_nothing_is_lost_unsaid_with_several_steps_at_once(
    steps: list[list[tuple[str, int]]], most: int
) -> None:
    async def story() -> list[list[NewEvent]]:
        quota = OutputQuota(most)
        told = [[(stream, LINE * count) for stream, count in step] for step in steps]
        return list(await asyncio.gather(*(print_all(quota, step) for step in told)))

    found = asyncio.run(story())
    printed = sum(len(LINE) * count for step in steps for _, count in step)
    first = 0
    for events, step in zip(found, steps, strict=True):
        own = sum(len(LINE) * count for _, count in step)
        notices = [event for event in events if "left_out" in event.data]
        kept = sum(len(event.data["text"]) for event in events if event not in notices)
        assert kept + left_out(events) == own
        assert len(notices) <= 1
        if notices:
            place = events.index(notices[0])
            assert str(notices[0].data["left_out"]) in notices[0].data["text"].replace(",", "")
            tail = "".join(texts_of(events[place + 1 :]))
            assert len(tail) <= TAIL_CHARS
            everything = "".join(LINE * count for _, count in step)
            assert everything.endswith(tail)
            first += sum(map(len, texts_of(events[:place])))
        else:
            first += kept
    if printed <= most:
        assert sum(map(left_out, found)) == 0
        assert first == printed
    else:
        assert first <= most + len(steps) * TAIL_CHARS


def test_the_first_part_is_exact_and_the_tail_begins_with_a_line() -> None:
    text = "".join(f"line {number:05}\n" for number in range(5000))
    events = asyncio.run(print_all(OutputQuota(1000), [("out", text)]))
    [place] = [at for at, event in enumerate(events) if "left_out" in event.data]
    assert "".join(texts_of(events[:place])) == text[:1000]
    tail = "".join(texts_of(events[place + 1 :]))
    assert re.fullmatch(r"(line \d{5}\n)+", tail)
    assert tail.endswith("line 04999\n")
    assert TAIL_CHARS - 11 <= len(tail) <= TAIL_CHARS
    assert 1000 + left_out(events) + len(tail) == len(text)


def test_without_a_limit_nothing_is_held_back() -> None:
    events = asyncio.run(print_all(OutputQuota(0), [("out", LINE * 5000)]))
    assert "".join(texts_of(events)) == LINE * 5000
    assert left_out(events) == 0


def test_what_earlier_attempts_printed_counts() -> None:
    events = asyncio.run(print_all(OutputQuota(1000, used=990), [("out", LINE * 1000)]))
    assert texts_of(events)[0] == LINE[:10]
    assert left_out(events) > 0


def test_the_first_part_does_not_end_within_an_escape_sequence() -> None:
    """Else the notice of what was left out would be read as a part of it."""
    text = "x" * 998 + "\x1b[31m" + "red\n" * 2000
    events = asyncio.run(print_all(OutputQuota(1000), [("out", text)]))
    [place] = [at for at, event in enumerate(events) if "left_out" in event.data]
    assert "".join(texts_of(events[:place])) == "x" * 998
    kept = sum(len(text) for at, text in enumerate(texts_of(events)) if at != place)
    assert kept + left_out(events) == len(text)
