"""The follower's decisions, one by one, on a clock that stands still unless it is moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from streams.client import Patience, State
from streams.client.actions import Close, Given, Open, Over, Reset, Retry, Told
from streams.client.close_reasons import Ended, Lost, Refusal, Rotated
from streams.client.fallback import SSE, WEBSOCKET
from streams.client.frames import CaughtUp, End, Events
from tests.unit.client_steps import (
    BEAT_S,
    HELLO,
    LOG,
    PATIENCE_S,
    QUIET_S,
    RESET,
    beat,
    live,
    moves,
    opened,
    started,
)
from tests.unit.client_world import make_core


@pytest.mark.parametrize("wait", [0.0, 7.5])
def test_the_server_says_when_to_come_back_and_jitter_is_on_top(wait: float) -> None:
    core = make_core()
    first = started(core)
    core.take(first.number, Lost("over_limit", "Too many.", wait, from_server=True), 100.0)
    assert core.due == 100.0 + wait + 0.25
    assert core.info.wait_s == wait + 0.25


def test_the_wait_doubles_from_what_the_stream_says_and_starts_over_after_events() -> None:
    core = make_core()
    at = started(core)
    core.take(at.number, Retry(2.0), 0)
    waits = []
    for _ in range(5):
        core.take(at.number, replace(RESET, from_server=True), 0)
        waits.append(core.info.wait_s)
        assert core.due is not None
        core.tick(core.due)
        at = opened(core)
    assert waits == [1.0, 2.0, 4.0, 7.5, 7.5]
    live(core, at.number)
    core.take(at.number, RESET, 0)
    assert core.info.wait_s == 1.0


def test_once_heartbeats_are_overdue_it_is_not_live_and_later_it_is_a_cut() -> None:
    core = make_core(rungs=[WEBSOCKET])
    first = started(core)
    live(core, first.number)
    beat(core, first.number, BEAT_S)
    assert core.due == BEAT_S + QUIET_S
    core.tick(BEAT_S + QUIET_S)
    assert core.info.state is State.QUIET
    beat(core, first.number, 7.0)
    assert [move.info.state for move in moves(core) if isinstance(move, Told)] == [
        State.QUIET, State.LIVE,
    ]  # fmt: skip
    core.tick(7.0 + QUIET_S)
    assert core.info.state is State.QUIET
    core.tick(7.0 + PATIENCE_S)
    assert (core.info.state, core.info.error and core.info.error.code) == (
        State.RECONNECTING, "silent",
    )  # fmt: skip


def test_a_server_that_says_nothing_of_heartbeats_is_given_two_and_a_half_of_fifteen_seconds() -> (
    None
):
    core = make_core(rungs=[WEBSOCKET])
    first = started(core)
    core.take(first.number, replace(HELLO, heartbeat_s=0), 0)
    core.take(first.number, CaughtUp(0, 0), 0)
    assert core.due == 30
    core.tick(30)
    assert core.info.state is State.QUIET
    assert core.due == 37.5
    core.tick(37.5)
    assert [move.number for move in moves(core) if isinstance(move, Close)] == [first.number]


def test_a_consumer_that_takes_its_time_is_no_silence_of_the_server() -> None:
    core = make_core(rungs=[WEBSOCKET])
    first = started(core)
    live(core, first.number)
    core.attend(600.0)
    core.tick(600.0)
    assert core.info.state is State.LIVE


def test_a_finite_answer_goes_on_at_once_and_is_no_news() -> None:
    core = make_core(rungs=[SSE])
    first = started(core)
    live(core, first.number)
    core.take(first.number, Rotated(), 55.0)
    second = opened(core)
    assert (second.cursor, core.info.state) == (LOG[9].cursor, State.LIVE)
    core.take(second.number, HELLO, 55.0)
    assert (core.info.state, core.info.attempts) == (State.LIVE, 0)


def test_an_answer_that_ends_at_once_without_anything_is_not_asked_for_in_a_loop() -> None:
    core = make_core(rungs=[SSE])
    first = started(core)
    core.take(first.number, HELLO, 0)
    core.take(first.number, Rotated(), 0.1)
    assert core.info.error
    assert core.info.error.code == "ended_early"
    assert core.due == 0.1 + 0.25


def test_what_comes_twice_is_dropped_and_counted_and_the_connection_goes_on() -> None:
    core = make_core()
    first = started(core)
    core.take(first.number, HELLO, 0)
    core.take(first.number, Events(tuple(LOG[:5])), 0)
    moves(core)
    core.take(first.number, Events(tuple(LOG[2:7])), 0)
    [given] = moves(core)
    assert isinstance(given, Given)
    assert [event.seq for event in given.events] == [6, 7]
    assert (core.info.duplicates, core.info.gaps) == (3, 0)


def test_a_gap_is_healed_by_a_new_connection_from_the_last_event_given() -> None:
    core = make_core()
    first = started(core)
    core.take(first.number, HELLO, 0)
    core.take(first.number, Events((*LOG[:3], *LOG[4:6])), 0)
    assert (core.info.seq, core.info.gaps) == (3, 1)
    assert core.due is not None
    core.tick(core.due)
    assert opened(core).cursor == LOG[2].cursor


@pytest.mark.parametrize("frame", [CaughtUp(5, 5), End(5, "succeeded")])
def test_an_end_before_everything_has_come_is_a_gap(frame: CaughtUp | End) -> None:
    core = make_core()
    first = started(core)
    core.take(first.number, HELLO, 0)
    core.take(first.number, Events(tuple(LOG[:3])), 0)
    core.take(first.number, frame, 0)
    assert (core.info.gaps, core.over) == (1, False)


def test_coming_back_says_what_it_brought() -> None:
    core = make_core(after=LOG[4].cursor)
    first = started(core)
    live_hello = replace(HELLO, head=9)
    core.take(first.number, live_hello, 0)
    core.take(first.number, Events(tuple(LOG[5:9])), 0)
    core.take(first.number, CaughtUp(9, 9), 0)
    assert core.info.resumed
    assert (core.info.resumed.from_seq, core.info.resumed.caught_up) == (5, 4)


def test_204_ends_without_a_status() -> None:
    core = make_core()
    first = started(core)
    core.take(first.number, Ended(), 0)
    [over] = [move for move in core.moves() if isinstance(move, Over)]
    assert (over.error, over.info.state, over.info.status) == (None, State.ENDED, None)


def test_another_protocol_is_refused() -> None:
    core = make_core()
    core.take(started(core).number, replace(HELLO, protocol=2), 0)
    assert core.info.error
    assert (core.info.error.code, core.over) == ("unsupported_protocol", True)


def test_another_history_ends_it_or_begins_it_again_where_that_was_asked_for() -> None:
    diverged = Refusal("history_diverged", "This is another history.")
    core = make_core(after=LOG[4].cursor)
    core.take(started(core).number, diverged, 0)
    assert core.over
    core = make_core(after=LOG[4].cursor, restart=True)
    core.take(started(core).number, diverged, 0)
    found = moves(core)
    assert any(isinstance(move, Reset) for move in found)
    assert [move.cursor for move in found if isinstance(move, Open)] == ["0"]


def test_an_event_that_is_not_what_its_hash_says_ends_a_verifying_follower() -> None:
    forged = structs.replace(LOG[3], raw=LOG[3].raw.replace(b'"out"', b'"err"'))
    core = make_core(verify=True)
    first = started(core)
    core.take(first.number, HELLO, 0)
    core.take(first.number, Events((*LOG[:3], forged, LOG[4])), 0)
    found = moves(core)
    [given] = [move for move in found if isinstance(move, Given)]
    assert list(given.events) == LOG[:3]
    [over] = [move for move in found if isinstance(move, Over)]
    assert over.error
    assert over.error.code == "broken_chain"
    assert "#4" in over.error.message


def test_it_gives_up_when_no_connection_was_had_for_so_long() -> None:
    core = make_core(patience=Patience(reach_s=10.0))
    at = started(core)
    while not core.over:
        core.take(at.number, RESET, core.due or 0)
        assert core.due is not None
        core.tick(core.due)
        at = next((move for move in core.moves() if isinstance(move, Open)), at)
    assert core.info.error
    assert core.info.error.code == "unreachable"
    assert "reset" in core.info.error.message


def test_once_it_was_connected_an_outage_has_a_limit_of_its_own() -> None:
    core = make_core(patience=Patience(reach_s=10.0))
    at = started(core)
    core.take(at.number, HELLO, 0)
    core.take(at.number, RESET, 100.0)
    moves(core)
    for now in (200.0, 300.0, 400.0):
        core.tick(now)
    assert not core.over
