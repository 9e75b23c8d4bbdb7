"""How much a long poll asks for, by how long the last answers took to come."""

from __future__ import annotations

import json

import pytest

from streams.client.frames import Events, Hello
from streams.client.transports.longpoll import Polling
from tests.unit.client_world import history

LOG = history(3000)
HEAD = len(LOG)


def answered(polling: Polling, seconds: float, events: int | None = None) -> int:
    """Answer with as many events as were asked for, or fewer; return what is asked for next."""
    start = int(polling.cursor.split("-")[0])
    found = LOG[start : start + (polling.limit if events is None else events)]
    rest = {
        "next": found[-1].cursor if found else polling.cursor, "head": HEAD, "status": "running",
        "end": False,
    }  # fmt: skip
    texts = ",".join(event.raw.decode() for event in found)
    list(polling.take(f'{{"events":[{texts}],{json.dumps(rest)[1:]}', seconds))
    return polling.limit


def texts(count: int) -> str:
    return ",".join(event.raw.decode() for event in LOG[:count])


def test_of_a_page_that_is_cut_off_what_is_whole_is_kept() -> None:
    whole = f'{{"job":"x","events":[{texts(9)}],"next":"9"}}'
    for end in range(len(whole)):
        signals = list(Polling("0").salvage(whole[:end]))
        expected = [
            n for n in range(1, 9) if len(f'{{"job":"x","events":[{texts(n)},{{"seq":') <= end
        ]
        if not expected:
            assert signals == []
            continue
        greeting, found = signals
        assert greeting == Hello(1, expected[-1], 15.0)
        assert found == Events(tuple(LOG[: expected[-1]]))


@pytest.mark.parametrize(
    "text", ["", "<html>", "null", '{"events":7', ',{"seq":', '{"a":[1,{"seq":']
)
def test_of_anything_else_that_is_cut_off_nothing_is_kept(text: str) -> None:
    assert list(Polling("0").salvage(text)) == []


def test_it_begins_with_few_and_doubles_while_they_come_quickly() -> None:
    polling = Polling("0")
    assert polling.limit == 32
    assert [answered(polling, 0.2) for _ in range(6)] == [64, 128, 256, 512, 1000, 1000]


def test_it_stays_where_an_answer_takes_3_to_6_seconds_and_halves_where_it_takes_longer() -> None:
    polling = Polling("0")
    assert [answered(polling, seconds) for seconds in (2.9, 5.5, 6.1, 60, 0.1)] == [
        64, 64, 32, 16, 32,
    ]  # fmt: skip


@pytest.mark.parametrize("events", [0, 5])
def test_an_answer_with_fewer_says_nothing_of_larger_ones(events: int) -> None:
    polling = Polling("0")
    assert answered(polling, 0.1, events) == 32


def test_it_asks_for_one_at_least_and_for_fewer_than_came_where_few_are_large() -> None:
    polling = Polling("0")
    assert answered(polling, 10, 7) == 3
    assert answered(polling, 10) == 1
    assert answered(polling, 10) == 1
    assert answered(polling, 0.1) == 2
