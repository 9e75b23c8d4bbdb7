"""How often a follower is granted a heartbeat, and that those due together are one."""

from __future__ import annotations

import pytest

from core.errors import BadRequest
from streams.followers.registry import HELD, current_followers
from streams.hub.pacing import next_beat, shared_heartbeat
from streams.transports.http import BEATS_A_SECOND, granted_interval
from tests.unit.hub_world import run
from tests.unit.test_followers import NO_LIMITS, follower


def fill(count: int) -> None:
    """Have so many followers more in this process."""
    for user in range(count):
        current_followers().register(
            {HELD: []}, follower(user), NO_LIMITS, current_followers().check_capacity(NO_LIMITS)
        )


def test_what_is_asked_for_is_granted_while_there_are_few_followers() -> None:
    async def story() -> None:
        assert granted_interval("2", 15.0) == 2.0
        assert granted_interval(None, 15.0) == 15.0
        assert granted_interval("15", 0.5) == 0.5
        fill(BEATS_A_SECOND * 2)
        assert granted_interval("2", 15.0) == 2.0

    run(story())


def test_with_very_many_those_who_come_next_are_granted_fewer() -> None:
    async def story() -> None:
        fill(BEATS_A_SECOND * 4 + 1)
        assert granted_interval("2", 15.0) == 4.1
        assert granted_interval("9", 15.0) == 9.0
        fill(BEATS_A_SECOND * 26)
        assert granted_interval("2", 15.0) == 15.0

    run(story())


@pytest.mark.parametrize("asked", ["", "0", "0.99", "15.01", "nan", "inf", "x"])
def test_what_is_no_such_time_is_refused(asked: str) -> None:
    async def story() -> None:
        with pytest.raises(BadRequest) as refused:
            granted_interval(asked, 15.0)
        [error] = refused.value.extra["errors"]
        assert error["parameter"] == "heartbeat_s"

    run(story())


def test_those_that_are_due_together_are_the_same_and_share_what_they_are_written_as() -> None:
    async def story() -> None:
        first = shared_heartbeat(7)
        assert shared_heartbeat(7) is first
        assert shared_heartbeat(7).websocket is first.websocket
        assert shared_heartbeat(8) is not first

    run(story())


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0, 15.0])
@pytest.mark.parametrize("moment", [0.0, 12.34, 99.999])
def test_one_is_due_before_the_silence_is_as_long_as_was_promised(
    seconds: float, moment: float
) -> None:
    assert seconds / 2 < next_beat(moment, seconds) - moment < seconds
