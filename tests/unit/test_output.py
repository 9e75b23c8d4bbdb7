"""A step's output: nothing lost, nothing turned round, every chunk fits an event."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.events import Event, EventType, NewEvent, make_body
from jobs.run import output as output_module
from jobs.run.output import Output, _cut_chunks, _join_neighbours

writes = st.lists(st.tuples(st.sampled_from(["out", "err"]), st.text(max_size=40)), max_size=12)


class Log:
    """Where output goes: a list, each append taking a moment, as a real one does."""

    def __init__(self, moments: int = 1) -> None:
        self.events: list[NewEvent] = []
        self._moments = moments

    async def append(self, events: list[NewEvent]) -> None:
        for _ in range(self._moments):
            await asyncio.sleep(0)
        self.events += events


def make(event_type: EventType, data: dict[str, Any]) -> NewEvent:
    return NewEvent(event_type, data, "fetch", "gs-1")


@given(writes, st.sets(st.integers(0, 12)))
def test_text_arrives_in_its_order_stream_by_stream(
    parts: list[tuple[str, str]], pauses: set[int]
) -> None:
    async def write_all() -> list[NewEvent]:
        log = Log()
        output = Output(make, log.append)
        for number, (stream, text) in enumerate(parts):
            output.write(text, stream)
            if number in pauses:
                await asyncio.sleep(0)
                output._flush_texts()
        rest = await output.close()
        return log.events + rest

    events = asyncio.run(write_all())
    got = _join_neighbours([(event.data["stream"], event.data["text"]) for event in events])
    assert got == _join_neighbours([(stream, text) for stream, text in parts if text])


@given(st.text(st.sampled_from("a\n\x01é🎮"), max_size=60).map(lambda text: text * 700))
def test_every_chunk_fits_an_event(text: str) -> None:
    chunks = _cut_chunks(text)
    assert "".join(chunks) == text
    for chunk in chunks:
        data = {"text": chunk, "stream": "out"}
        make_body(Event(1, "step.output", 1, "2026-11-22T09:00:00.000000Z", "w", 1, "s", "t", data))


def test_nothing_is_sent_any_more_once_it_is_closed() -> None:
    async def write_and_close() -> tuple[list[str], list[str]]:
        log = Log(moments=9)
        output = Output(make, log.append, linger_seconds=0)
        output.write("a", "out")
        await asyncio.sleep(0)
        output._flush_texts()  # as `drain` does, with the clock still running
        output.write("b", "out")  # which is to start the clock again
        rest = await output.close()
        return [e.data["text"] for e in log.events], [e.data["text"] for e in rest]

    assert asyncio.run(write_and_close()) == (["a"], ["b"])


def test_a_chunk_ends_after_a_line_where_it_can() -> None:
    assert [chunk[-1] for chunk in _cut_chunks(("x" * 99 + "\n") * 250)] == ["\n"] * 3


SEQUENCES = [
    "\x1b[31m",
    "\x1b[38:2::1:2:3m",
    "\x1b(B",
    "\x1b]8;;http://x\x1b\\",
    "\x9b1m",
    "\x1bPq\x9c",
]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_a_chunk_does_not_end_within_a_sequence(sequence: str) -> None:
    for before in range(
        output_module.MAX_CHUNK_CHARS - len(sequence), output_module.MAX_CHUNK_CHARS
    ):
        chunks = _cut_chunks("x" * before + sequence + "y" * 99)
        assert [chunk.count(sequence) for chunk in chunks] in ([1, 0], [0, 1])


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_a_sequence_in_two_writes_is_in_one_event(sequence: str) -> None:
    async def written(at: int) -> list[str]:
        log = Log()
        output = Output(make, log.append)
        output.write("a" + sequence[:at], "out")
        output._flush_texts()
        output.write(sequence[at:] + "b", "out")
        await asyncio.sleep(0)
        assert output._timer is not None, "what comes after it does not wait for the step's end"
        rest = await output.close()
        return [event.data["text"] for event in log.events + rest]

    for at in range(1, len(sequence)):
        assert asyncio.run(written(at)) == ["a", f"{sequence}b"]


def test_a_sequence_that_never_ends_is_said_at_the_end_and_an_endless_one_before() -> None:
    async def written(text: str) -> tuple[list[str], list[str]]:
        log = Log()
        output = Output(make, log.append)
        output.write(text, "out")
        output._flush_texts()
        output.write("b", "err")
        rest = await output.close()
        return [e.data["text"] for e in log.events], [e.data["text"] for e in rest]

    assert asyncio.run(written("a\x1b[3")) == (["a"], ["\x1b[3", "b"])
    endless = "a\x1b]0;" + "t" * output_module.LONGEST_SEQUENCE
    assert asyncio.run(written(endless)) == ([endless], ["b"])
