"""The players of a game server: a function of time, of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.fleet.gameserver import DRAIN_SECONDS, FILL_SECONDS, Lobby


class Clock:
    """The time that the lobby sees."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_players_join_until_it_is_full(clock: Clock, tmp_path: Path) -> None:
    lobby = Lobby(12, 1.0, str(tmp_path / "draining"), clock)
    seen = []
    for _ in range(20):
        seen.append(lobby.players())
        clock.now += FILL_SECONDS / 12
    assert seen[:3] == [0, 1, 2]
    assert seen == sorted(seen)
    assert seen[-1] == 12


def test_in_a_drain_they_leave_and_nobody_joins(clock: Clock, tmp_path: Path) -> None:
    lobby = Lobby(12, 1.0, str(tmp_path / "draining"), clock)
    clock.now += FILL_SECONDS
    lobby.drain(True)
    assert lobby.as_dict() == {"players": 12, "draining": True}
    clock.now += DRAIN_SECONDS / 2
    assert 0 < lobby.players() < 12
    clock.now += DRAIN_SECONDS
    assert lobby.players() == 0


def test_draining_twice_does_not_begin_again(clock: Clock, tmp_path: Path) -> None:
    lobby = Lobby(12, 1.0, str(tmp_path / "draining"), clock)
    clock.now += FILL_SECONDS
    lobby.drain(True)
    clock.now += DRAIN_SECONDS * 0.6
    lobby.drain(True)
    clock.now += DRAIN_SECONDS * 0.6
    assert lobby.players() == 0


def test_a_drain_outlives_the_process(clock: Clock, tmp_path: Path) -> None:
    Lobby(12, 1.0, str(tmp_path / "draining"), clock).drain(True)
    restarted = Lobby(12, 1.0, str(tmp_path / "draining"), clock)
    clock.now += FILL_SECONDS
    assert restarted.as_dict() == {"players": 0, "draining": True}
    restarted.drain(False)
    clock.now += FILL_SECONDS
    assert Lobby(12, 1.0, str(tmp_path / "draining"), clock).draining is False
    assert restarted.players() == 12


def test_speed_makes_time_pass_faster(clock: Clock, tmp_path: Path) -> None:
    lobby = Lobby(12, 10.0, str(tmp_path / "draining"), clock)
    clock.now += FILL_SECONDS / 10
    assert lobby.players() == 12
