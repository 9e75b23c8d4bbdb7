"""The follower's decisions, one by one, on a clock that stands still unless it is moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.client import Patience, State
from streams.client.closed import Ended, Lost, Refusal, Rotated
from streams.client.core import Core
from streams.client.frames import CaughtUp, End, Events, Heartbeat, Hello
from streams.client.ladder import LONG_POLL, OCTETS, SSE, WEBSOCKET
from streams.client.moves import Alive, Close, Given, Move, Open, Over, Reset, Retry
from tests.unit.client_world import history, make_core

LOG = history(20)
HELLO = Hello(1, 20, 15.0)
RESET = Lost("network", "Connection reset by peer.")


def opened(core: Core) -> Open:
    """Return the one connection that the core wants now."""
    [found] = [move for move in core.moves() if isinstance(move, Open)]
    return found


def moves(core: Core) -> list[Move]:
    return list(core.moves())


def started(core: Core) -> Open:
    core.start(0)
    return opened(core)


def lose(core: Core, number: int, why: Lost = RESET, now: float = 0.0) -> Open:
    """Lose a connection and wait as long as the core wants to; return the next one."""
    core.take(number, why, now)
    assert core.due is not None
    core.tick(core.due)
    return opened(core)


def live(core: Core, number: int, now: float = 0.0) -> None:
    core.take(number, HELLO, now)
    core.take(number, Events(tuple(LOG[: core.info.seq or 10][core.info.seq :])), now)
    core.take(number, CaughtUp(core.info.seq, core.info.seq), now)
    assert core.info.state is State.LIVE
    moves(core)


def test_an_open_socket_and_bytes_prove_nothing_only_a_frame_does() -> None:
    core = make_core()
    first = started(core)
    core.take(first.number, Alive(), 3.9)
    assert core.due == 4.0
    core.tick(4.0)
    assert core.info.error
    assert core.info.error.code == "no_first_frame"


def test_a_silent_transport_is_left_at_once_and_a_failing_one_after_two_failures() -> None:
    core = make_core()
    first = started(core)
    assert first.transport == WEBSOCKET
    core.tick(4.0)
    second = opened(core)
    assert second.transport == SSE, "at once: silence was wait enough"
    third = lose(core, second.number)
    assert third.transport == SSE
    assert lose(core, third.number).transport == OCTETS


def test_one_that_has_worked_is_given_four_failures() -> None:
    core = make_core()
    at = lose(core, started(core).number)  # what failed before it worked does not count any more
    live(core, at.number)
    # The cut of a connection that had worked is no failure of the transport.
    at = lose(core, at.number)
    names = []
    for _ in range(4):
        names.append(at.transport)
        at = lose(core, at.number)
    assert [*names, at.transport] == [WEBSOCKET] * 4 + [SSE]


def test_below_the_last_comes_the_first_again_with_twice_the_patience() -> None:
    core = make_core(rungs=[WEBSOCKET, LONG_POLL])
    started(core)
    now, names = 0.0, []
    for _ in range(2):
        now += 4.0
        core.tick(now)
        names.append(opened(core).transport)
    assert names == [LONG_POLL, WEBSOCKET]
    assert core.due == now + 8.0


def test_a_refusal_that_may_be_tried_again_says_nothing_about_the_transport() -> None:
    core = make_core()
    at = started(core)
    for _ in range(6):
        at = lose(core, at.number, Lost("over_limit", "Too many.", 3.0, from_server=True))
        assert at.transport == WEBSOCKET


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


def test_silence_past_two_and_a_half_heartbeats_is_a_cut() -> None:
    core = make_core(rungs=[WEBSOCKET])
    first = started(core)
    live(core, first.number)
    core.take(first.number, Heartbeat(10), 30.0)
    assert core.due == 67.5
    core.tick(67.5)
    assert (core.info.state, core.info.error and core.info.error.code) == (
        State.RECONNECTING,
        "silent",
    )


def test_a_stream_that_stops_before_it_has_caught_up_is_held_back_on_its_way() -> None:
    core = make_core(rungs=[SSE, LONG_POLL])
    at = started(core)
    core.take(at.number, HELLO, 1.0)
    core.take(at.number, Events(tuple(LOG[:8])), 1.0)
    core.take(at.number, Alive(), 4.0)
    core.tick(8.0)
    assert core.info.error
    assert core.info.error.code == "held"
    assert core.due == 8.25
    core.tick(8.25)
    at = opened(core)
    assert (at.transport, at.cursor) == (SSE, LOG[7].cursor), "it has worked: one more try"
    core.tick(12.25)
    assert opened(core).transport == LONG_POLL


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


def test_where_a_stream_is_held_and_nothing_else_works_finite_answers_are_asked_for() -> None:
    core = make_core(rungs=[SSE])
    first = started(core)
    assert first.rotate_s is None
    core.tick(4.0)
    assert core.due is not None
    core.tick(core.due)
    second = opened(core)
    assert second.rotate_s == 0
    live(core, second.number, 5.0)
    core.take(second.number, Rotated(), 5.0)
    third = opened(core)
    assert third.rotate_s == 2, "all is caught up: an answer lasts a little, and is let pass"
    core.take(third.number, RESET, 6.0)
    assert core.due is not None
    core.tick(core.due)
    assert opened(core).rotate_s == 0, "cut off: what came meanwhile is wanted at once"


def test_a_better_transport_is_tried_beside_the_one_that_works_and_takes_over() -> None:
    core = make_core(rungs=[WEBSOCKET, SSE])
    started(core)
    core.tick(4.0)
    sse = opened(core)
    live(core, sse.number, 4.0)
    core.take(sse.number, Rotated(), 54.0)
    sse = opened(core)
    core.take(sse.number, HELLO, 54.0)
    core.take(sse.number, CaughtUp(10, 10), 54.0)
    assert core.due == 64.0, "a rotation does not put it off"
    core.tick(64.0)
    trial = opened(core)
    assert (trial.transport, trial.cursor) == (WEBSOCKET, LOG[9].cursor)
    core.take(sse.number, Events(tuple(LOG[10:12])), 64.0)
    core.take(trial.number, HELLO, 64.1)
    assert Close(sse.number) in moves(core)
    core.take(trial.number, Events(tuple(LOG[10:13])), 64.2)
    [given] = [move for move in core.moves() if isinstance(move, Given)]
    assert [event.seq for event in given.events] == [13]
    assert (core.info.transport, core.info.state) == (WEBSOCKET, State.LIVE)
    assert (core.info.duplicates, core.info.gaps) == (0, 0)


def test_a_better_transport_that_does_not_work_is_tried_less_and_less() -> None:
    core = make_core(rungs=[WEBSOCKET, SSE])
    started(core)
    core.tick(4.0)
    sse = opened(core)
    core.take(sse.number, HELLO, 4.0)
    moves(core)
    now, waits = 4.0, []
    for _ in range(5):
        began, trials = now, list[Open]()
        while not trials:
            now += 10
            core.take(sse.number, Heartbeat(20), now)
            core.tick(now)
            trials = [move for move in core.moves() if isinstance(move, Open)]
        waits.append(now - began)
        core.take(trials[0].number, RESET, now)
        moves(core)
    assert waits == [60, 120, 240, 480, 600]


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
    forged = LOG[3]._replace(raw=LOG[3].raw.replace(b'"out"', b'"err"'))
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
