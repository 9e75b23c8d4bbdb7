"""Steps that tests of the follower's core take, one at a time."""

from __future__ import annotations

from streams.client import State
from streams.client.actions import Move, Open
from streams.client.close_reasons import Closed, Lost
from streams.client.core import Core
from streams.client.frames import CaughtUp, Events, Heartbeat, Hello
from tests.unit.client_world import history

LOG = history(20)
HELLO = Hello(1, 20, 2.0)
# Once caught up: a heartbeat that comes in time, from when on nothing is known, the end.
BEAT_S, QUIET_S, PATIENCE_S = 1.8, 4.0, 8.0
RESET = Lost("network", "Connection reset by peer.")


def opened(core: Core) -> Open:
    """Return the one connection that the core wants now."""
    [found] = [move for move in core.moves() if isinstance(move, Open)]
    return found


def moves(core: Core) -> list[Move]:
    """Return what the core wants to have done now."""
    return list(core.moves())


def started(core: Core) -> Open:
    """Start at 0; return the first connection."""
    core.start(0)
    return opened(core)


def lose(core: Core, number: int, why: Closed = RESET, now: float = 0.0) -> Open:
    """Lose a connection and wait as long as the core wants to; return the next one."""
    core.take(number, why, now)
    assert core.due is not None
    core.tick(core.due)
    return opened(core)


def silence(core: Core, now: float) -> tuple[Open, float]:
    """Have nothing come any more until another connection is made; return that and the time."""
    moves(core)
    while not (found := [move for move in core.moves() if isinstance(move, Open)]):
        assert core.due is not None
        now = core.due
        core.tick(now)
    return found[0], now


def beat(core: Core, number: int, now: float) -> None:
    """Have a heartbeat come in time, which a connection gets through that holds nothing back."""
    core.take(number, Heartbeat(core.info.head), now)


def live(core: Core, number: int, now: float = 0.0) -> None:
    """Have a connection bring everything: ten events, or those that were there already."""
    core.take(number, HELLO, now)
    core.take(number, Events(tuple(LOG[: core.info.seq or 10][core.info.seq :])), now)
    core.take(number, CaughtUp(core.info.seq, core.info.seq), now)
    assert core.info.state is State.LIVE
    moves(core)
