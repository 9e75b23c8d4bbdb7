"""How the follower comes back to a better transport, or to whole streams."""

from __future__ import annotations

from streams.client import State, UpgradeTimes
from streams.client.actions import Alive, Close, Given, Move, Open
from streams.client.close_reasons import Rotated
from streams.client.core import Core
from streams.client.fallback import LONG_POLL, SSE, WEBSOCKET
from streams.client.frames import CaughtUp, End, Events, FellBehind, Heartbeat
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


def trial_of(core: Core, at: Open, now: float) -> tuple[Open, Open, float]:
    """Have finite answers rotate until a whole one is tried; return that, the last finite one and
    the time."""
    while True:
        live(core, at.number, now)
        now += 2.0
        core.take(at.number, Rotated(), now)
        at = opened(core)
        core.tick(now)
        if tried := moves(core):
            [trial] = tried
            assert isinstance(trial, Open)
            return trial, at, now


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


def test_a_stream_that_is_held_no_more_becomes_a_whole_one_again() -> None:
    core = make_core(rungs=[SSE])
    started(core)
    trial, at, now = trial_of(core, *silence(core, 0))
    assert (trial.transport, trial.rotate_s, now) == (SSE, None, 64.25)
    core.take(trial.number, HELLO, now)
    core.take(trial.number, CaughtUp(10, 10), now)
    assert moves(core) == [], "the finite answer goes on until there is a better one"
    beat(core, trial.number, now + BEAT_S)
    assert Close(at.number) in moves(core)
    assert core.due == now + BEAT_S + QUIET_S, "there is nothing more to try"
    at = trial
    for _ in range(5):
        at = lose(core, at.number, now=now + 100)
        assert at.rotate_s is None, "failures that are no silence say nothing of the stream"


def test_a_stream_that_was_whole_before_is_soon_tried_so_again() -> None:
    core = make_core(rungs=[SSE])
    at = started(core)
    live(core, at.number)
    beat(core, at.number, BEAT_S)
    now = BEAT_S
    for _ in range(3):
        assert at.rotate_s is None
        at, now = silence(core, now)
    assert at.rotate_s == 0
    assert trial_of(core, at, now)[2] == now + 10


def test_a_stream_that_stays_held_is_tried_as_a_whole_one_less_and_less() -> None:
    core = make_core(rungs=[SSE])
    started(core)
    at, now = silence(core, 0)
    waits = []
    for _ in range(3):
        trial, at, then = trial_of(core, at, now)
        waits.append(then - now)
        core.take(trial.number, RESET, then)
        now = then
    assert waits == [60, 120, 240]


def test_a_stream_whose_end_is_held_is_no_better_for_its_first_frame() -> None:
    core = make_core(rungs=[SSE])
    started(core)
    trial, at, now = trial_of(core, *silence(core, 0))
    core.take(trial.number, HELLO, now)
    core.take(trial.number, CaughtUp(10, 10), now)
    began, done = now, list[Move]()
    while Close(trial.number) not in done:
        live(core, at.number, now)
        now += 2
        core.take(at.number, Rotated(), now)
        at = opened(core)
        core.tick(now)
        done = moves(core)
    assert now == began + PATIENCE_S
    assert core.info.state is State.LIVE
    assert trial_of(core, at, now)[2] == now + 120


def test_one_that_was_left_for_holding_back_is_no_known_one_any_more() -> None:
    core = make_core(rungs=[SSE, LONG_POLL])
    live(core, started(core).number)
    at, now = silence(core, 0)
    live(core, at.number, now)
    began, waits = now, []
    for _ in range(3):
        while not (trials := [move for move in moves(core) if isinstance(move, Open)]):
            now += 1
            core.take(at.number, Heartbeat(10), now)
            core.tick(now)
        waits.append(now - began)
        core.take(trials[0].number, HELLO, now)
        core.take(trials[0].number, CaughtUp(10, 10), now)
        while Close(trials[0].number) not in moves(core):
            now += 1
            core.take(at.number, Heartbeat(10), now)
            core.tick(now)
        began = now
    assert waits == [60, 120, 240]


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
    for now in range(56, 64, 2):
        beat(core, sse.number, now)
        core.tick(now)
    assert core.due == 64.0, "a rotation does not put it off"
    core.tick(64.0)
    trial = opened(core)
    assert (trial.transport, trial.cursor) == (WEBSOCKET, LOG[9].cursor)
    core.take(sse.number, Events(tuple(LOG[10:12])), 64.0)
    moves(core)
    core.take(trial.number, HELLO, 64.1)
    core.take(trial.number, Events(tuple(LOG[10:13])), 64.2)
    [given] = moves(core)
    assert isinstance(given, Given)
    assert [event.seq for event in given.events] == [13]
    core.take(sse.number, Events(tuple(LOG[12:14])), 64.3)
    core.take(trial.number, CaughtUp(13, 13), 64.3)
    core.take(trial.number, Events(tuple(LOG[13:14])), 64.4)
    assert [
        event.seq for move in moves(core) if isinstance(move, Given) for event in move.events
    ] == [14]
    beat(core, trial.number, 64.4 + BEAT_S)
    assert Close(sse.number) in moves(core)
    assert (core.info.transport, core.info.state) == (WEBSOCKET, State.LIVE)
    assert (core.info.duplicates, core.info.gaps) == (0, 0)


def test_a_better_transport_is_not_tried_while_there_is_more_to_come() -> None:
    core = make_core(rungs=[WEBSOCKET, SSE], upgrade=UpgradeTimes(10, 10, 10))
    sse, now = silence(core, started(core).number)
    core.take(sse.number, HELLO, now)
    for _ in range(30):
        now += 1
        core.take(sse.number, Alive(8000), now)
        core.tick(now)
    core.take(sse.number, Events(tuple(LOG[:5])), now)
    moves(core)
    core.take(sse.number, CaughtUp(5, 5), now)
    assert core.due == now + QUIET_S
    for second in range(1, 11):
        beat(core, sse.number, now + second)
        core.tick(now + second)
    trial = opened(core)
    core.take(sse.number, FellBehind(5, 20), now + 11)
    assert Close(trial.number) in moves(core), "it would bring the same"


def test_the_end_may_come_over_the_better_transport_first() -> None:
    core = make_core(rungs=[WEBSOCKET, SSE])
    sse, now = silence(core, started(core).number)
    live(core, sse.number, now)
    while not (trials := [move for move in moves(core) if isinstance(move, Open)]):
        now += 1
        beat(core, sse.number, now)
        core.tick(now)
    core.take(trials[0].number, HELLO, now)
    core.take(trials[0].number, Events(tuple(LOG[10:])), now)
    core.take(trials[0].number, CaughtUp(20, 20), now)
    core.take(trials[0].number, End(20, "succeeded"), now)
    assert (core.info.state, core.info.seq, core.over) == (State.ENDED, 20, True)


def test_a_better_transport_that_does_not_work_is_tried_less_and_less() -> None:
    core = make_core(rungs=[WEBSOCKET, SSE])
    started(core)
    core.tick(4.0)
    sse = opened(core)
    live(core, sse.number, 4.0)
    now, waits = 4.0, []
    for _ in range(5):
        began, trials = now, list[Open]()
        while not trials:
            now += 2
            core.take(sse.number, Heartbeat(20), now)
            core.tick(now)
            trials = [move for move in core.moves() if isinstance(move, Open)]
        waits.append(now - began)
        core.take(trials[0].number, RESET, now)
        moves(core)
    assert waits == [60, 120, 240, 480, 600]
