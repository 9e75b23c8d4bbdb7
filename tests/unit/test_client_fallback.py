"""Which transport the follower takes, and when it takes another: on a clock that is moved."""

from __future__ import annotations

import pytest

from streams.client import State
from streams.client.actions import Alive, Open
from streams.client.close_reasons import Closed, Lost, Rotated, by_close_code
from streams.client.fallback import LONG_POLL, OCTETS, SSE, WEBSOCKET
from streams.client.frames import Events, Heartbeat
from tests.unit.client_steps import (
    BEAT_S,
    HELLO,
    LOG,
    PATIENCE_S,
    QUIET_S,
    RESET,
    beat,
    live,
    lose,
    moves,
    opened,
    silence,
    started,
)  # fmt: skip
from tests.unit.client_world import make_core


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


def test_a_stream_that_stops_before_it_has_caught_up_is_held_back_on_its_way() -> None:
    core = make_core(rungs=[SSE, LONG_POLL])
    at = started(core)
    core.take(at.number, HELLO, 1.0)
    core.take(at.number, Events(tuple(LOG[:8])), 1.0)
    core.take(at.number, Alive(5000), 4.0)
    core.tick(8.0)
    assert core.info.error
    assert core.info.error.code == "held"
    assert core.due == 8.25
    core.tick(8.25)
    at = opened(core)
    assert (at.transport, at.cursor) == (SSE, LOG[7].cursor), "it has worked: one more try"
    core.tick(12.25)
    assert opened(core).transport == LONG_POLL


def test_a_transport_that_gives_no_more_than_its_first_frame_is_left_at_once() -> None:
    for rung in (WEBSOCKET, SSE, OCTETS):
        core = make_core(rungs=[rung, LONG_POLL])
        core.take(started(core).number, HELLO, 0)
        at, now = silence(core, 0)
        assert (at.transport, now) == (LONG_POLL, 4.0)
        assert core.info.error
        assert core.info.error.code == "held"


@pytest.mark.parametrize(
    "end",
    [
        RESET, Rotated(), Lost("connection_lost", "The connection was closed (1000)."),
        by_close_code(1001, "", None), Lost("gap", "After #0 came #7."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rung", [WEBSOCKET, SSE, OCTETS])
@pytest.mark.parametrize("lasting", [0.1, 3.0, 30.0])
def test_one_that_ends_with_nothing_new_is_left_after_two(
    end: Closed, rung: str, lasting: float
) -> None:
    core = make_core(rungs=[rung, LONG_POLL])
    at, now = started(core), 0.0
    for _ in range(2):
        assert at.transport == rung
        core.take(at.number, HELLO, now)
        while now + 3 < lasting:
            now += 3
            core.take(at.number, Heartbeat(20), now)
        moves(core)
        at = lose(core, at.number, end, now + 0.1)
    assert at.transport == LONG_POLL


def test_one_that_cannot_carry_large_messages_is_left_though_it_brings_some() -> None:
    too_big = by_close_code(1009, "", None)
    core = make_core(rungs=[WEBSOCKET, SSE])
    at, seq = started(core), 0
    for _ in range(2):
        assert at.transport == WEBSOCKET
        core.take(at.number, HELLO, 0)
        core.take(at.number, Events(tuple(LOG[seq : seq + 3])), 0)
        seq += 3
        moves(core)
        at = lose(core, at.number, too_big)
    assert (at.transport, at.cursor) == (SSE, LOG[5].cursor)
    assert core.info.error
    assert core.info.error.code == "message_too_big"


@pytest.mark.parametrize("end", [RESET, Rotated()])
def test_one_that_is_cut_again_and_again_with_a_little_each_time_is_left(end: Closed) -> None:
    core = make_core(rungs=[SSE, LONG_POLL])
    at, now, names = started(core), 0.0, []
    for seq in range(4):
        names.append(at.transport)
        core.take(at.number, HELLO, now)
        core.take(at.number, Events((LOG[seq],)), now)
        moves(core)
        core.take(at.number, end, now + 5)
        now += 5
        found = [move for move in core.moves() if isinstance(move, Open)]
        if not found:
            assert core.due is not None
            now = core.due
            core.tick(now)
            found = [opened(core)]
        [at] = found
    assert [*names, at.transport] == [SSE] * 4 + [LONG_POLL]


@pytest.mark.parametrize("end", [RESET, Rotated()])
def test_one_that_is_slow_is_kept_however_often_it_is_cut(end: Closed) -> None:
    core = make_core(rungs=[SSE, LONG_POLL])
    at, now = started(core), 0.0
    for seq in range(15):
        assert at.transport == SSE
        core.take(at.number, HELLO, now)
        for _ in range(8):
            now += 3
            core.take(at.number, Alive(8000), now)
            assert core.due is not None
            assert core.due > now + 3
        core.take(at.number, Events((LOG[seq],)), now)
        moves(core)
        core.take(at.number, end, now)
        found = [move for move in core.moves() if isinstance(move, Open)]
        if not found:
            assert core.due is not None
            core.tick(core.due)
            found = [opened(core)]
        [at] = found


def test_bytes_are_life_before_a_first_frame_too_unless_they_drip() -> None:
    core = make_core(rungs=[LONG_POLL, SSE])
    at = started(core)
    for second in range(1, 60):
        core.take(at.number, Alive(2000), second)
        core.tick(second)
        assert core.due == second + 4
    core = make_core(rungs=[LONG_POLL, SSE])
    at = started(core)
    for second in range(1, 4):
        core.take(at.number, Alive(1), second)
    assert core.due is not None
    assert core.due < 4.1
    core.tick(core.due)
    assert opened(core).transport == SSE


def test_what_is_held_once_everything_had_come_is_quiet_and_then_left() -> None:
    core = make_core(rungs=[SSE, OCTETS, LONG_POLL])
    at, now = started(core), 0.0
    for next in (OCTETS, LONG_POLL):
        live(core, at.number, now)
        core.tick(now + QUIET_S)
        assert core.info.state is State.QUIET
        at, after = silence(core, now)
        assert (at.transport, after) == (next, now + PATIENCE_S)
        assert core.info.error
        assert core.info.error.code == "held"
        now = after
    live(core, at.number, now)
    core.take(at.number, Heartbeat(10), now + 25)
    assert core.info.state is State.LIVE


def test_one_that_has_held_nothing_back_before_is_tried_once_more() -> None:
    core = make_core(rungs=[SSE, LONG_POLL])
    at = started(core)
    live(core, at.number)
    beat(core, at.number, BEAT_S)
    at, now = silence(core, BEAT_S)
    assert core.info.error
    assert (at.transport, core.info.error.code) == (SSE, "silent")
    for name in (SSE, LONG_POLL):
        live(core, at.number, now)
        at, now = silence(core, now)
        assert at.transport == name
