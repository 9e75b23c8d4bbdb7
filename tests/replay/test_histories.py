"""Old runs, today's code: what was recorded still folds to what it folded to, at every seq."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

import pytest

from jobs.events import Event, make_body, parse, parse_stored, recording, split_hash
from jobs.events.upcasters import UPCASTERS, version_of
from jobs.log import cursor_of
from jobs.replay.fold import replay_fold
from jobs.replay.history import parse_history
from tests.replay import histories
from tests.support.clients import TRANSPORTS, Follow
from tests.support.live_server import LiveServer

pytestmark = pytest.mark.replay


def test_there_is_a_history_of_each_sort() -> None:
    assert {"all-well", "rolled-back", "killed-worker", "stopped-load"} <= set(histories.NAMES)


def recorded_events() -> list[Event]:
    """Return every event of every history, as it was written."""
    return [parse_stored(text) for name in histories.NAMES for text in histories.read(name).texts]


@pytest.mark.parametrize("old", UPCASTERS)
def test_each_upcaster_has_a_history_in_which_it_makes_a_difference(old: tuple[str, int]) -> None:
    found = [event for event in recorded_events() if (event.type, event.version) == old]
    assert any(UPCASTERS[old](event.data) != event.data for event in found)


@pytest.mark.parametrize("type_", sorted({type_ for type_, _ in UPCASTERS}))
def test_there_is_a_history_of_each_types_newest_version_too(type_: str) -> None:
    assert any(
        (event.type, event.version) == (type_, version_of(type_)) for event in recorded_events()
    )


def test_a_load_of_many_steps_counts_to_them_in_both_versions() -> None:
    for name, version in (("stopped-load-v1", 1), ("stopped-load", 2)):
        first = histories.read(name).texts[0]
        assert parse_stored(first).version == version
        assert (parse(first).version, parse(first).data["total"]) == (2, 300)


@pytest.mark.parametrize("name", histories.NAMES)
def test_the_state_at_every_seq_is_the_recorded_one(name: str) -> None:
    recorded = histories.read(name)
    difference = replay_fold(parse_history(recorded.texts, recorded.job), recorded.changes)
    assert difference is None, f"{name}: {difference}"


@pytest.mark.parametrize("name", histories.NAMES)
def test_the_chain_holds_and_the_writer_still_writes_these_bytes(name: str) -> None:
    history = histories.read(name)
    assert recording.broken_at(history.job, history.texts) is None
    for text in history.texts:
        assert make_body(parse_stored(text))[0] == split_hash(text)[0]


@pytest.mark.parametrize("name", histories.NAMES)
def test_a_changed_byte_is_found_where_it_is(name: str) -> None:
    history = histories.read(name)
    chance = random.Random(name)
    for _ in range(10):
        seq = chance.randrange(1, len(history.texts) + 1)
        texts = list(history.texts)
        texts[seq - 1] = texts[seq - 1].replace('"actor":"', '"actor":"x', 1)
        assert recording.broken_at(history.job, texts) == seq


@pytest.mark.parametrize("transport", sorted(TRANSPORTS))
@pytest.mark.parametrize("name", histories.NAMES)
async def test_a_follower_that_is_cut_gets_the_recorded_bytes(
    name: str, transport: str, scene: LiveServer
) -> None:
    history = histories.read(name)
    got: list[str] = []
    chance = random.Random(f"{name} {transport}")
    while len(got) < len(history.texts):
        after = cursor_of(got[-1]) if got else "0"
        most = chance.randrange(1, len(history.texts))
        got += await taken(scene, TRANSPORTS[transport], history, after, most)
    assert got == history.texts


async def taken(
    scene: LiveServer, follow: Follow, history: histories.History, after: str, most: int
) -> list[str]:
    """Follow from a cursor and cut the connection after `most` events."""
    texts: list[str] = []
    headers = scene.people.root.headers
    async with (
        asyncio.timeout(30),
        aclosing(follow(scene.web, history.job, after, headers)) as all_,
    ):
        async for item in all_:
            if item.kind == "event":
                texts.append(item.text)
            if len(texts) == most:
                break
    return texts
