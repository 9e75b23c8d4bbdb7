"""Which transport the follower takes, and when it takes another: on a clock that is moved."""

from __future__ import annotations

from streams.client import State
from streams.client.closed import Lost, Rotated
from streams.client.core import Core
from streams.client.frames import CaughtUp, Events, Heartbeat
from streams.client.ladder import LONG_POLL, OCTETS, SSE, WEBSOCKET
from streams.client.moves import Alive, Close, Given, Open
from tests.unit.client_steps import HELLO, LOG, RESET, live, lose, moves, opened, started
from tests.unit.client_world import make_core


def silence(core: Core, now: float) -> tuple[Open, float]:
    """Have nothing come for as long as a first frame may take; return what is opened then, and the
    time."""
    moves(core)
    now += 4.0
    core.tick(now)
    while not (found := [move for move in core.moves() if isinstance(move, Open)]):
        assert core.due is not None
        now = core.due
        core.tick(now)
    return found[0], now


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
    assert Close(at.number) in moves(core), "the finite answer goes on until there is a better one"
    core.take(trial.number, CaughtUp(10, 10), now)
    core.take(trial.number, Heartbeat(10), now + 100)
    assert core.due == now + 100 + 2.5 * 15, "there is nothing more to try"
    at = trial
    for _ in range(5):
        at = lose(core, at.number, now=now + 100)
        assert at.rotate_s is None, "failures that are no silence say nothing of the stream"


def test_a_stream_that_was_whole_before_is_soon_tried_so_again() -> None:
    core = make_core(rungs=[SSE])
    live(core, started(core).number)
    now = 2.5 * 15 + 0.25
    core.tick(2.5 * 15)
    core.tick(now)
    for _ in range(2):
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


def test_a_first_frame_is_no_proof_that_a_stream_is_held_no_more() -> None:
    core = make_core(rungs=[SSE])
    started(core)
    trial, _, now = trial_of(core, *silence(core, 0))
    core.take(trial.number, HELLO, now)
    at, now = silence(core, now)
    assert core.info.error
    assert (core.info.error.code, at.rotate_s) == ("held", 0)
    assert trial_of(core, at, now)[2] == now + 120


def test_a_stream_that_gives_no_more_than_its_first_frame_is_left_after_two_of_them() -> None:
    core = make_core(rungs=[SSE, LONG_POLL])
    core.take(started(core).number, HELLO, 0)
    at, now = silence(core, 0)
    assert at.transport == SSE
    core.take(at.number, HELLO, now)
    assert silence(core, now)[0].transport == LONG_POLL


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
