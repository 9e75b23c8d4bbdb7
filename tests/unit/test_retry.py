"""The retry policy: how long it waits, what it tries again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.run import Retry


def test_the_wait_grows_up_to_the_longest() -> None:
    policy = Retry(wait=1, factor=3, longest=20, jitter=False)
    assert [policy.seconds(tried) for tried in (1, 2, 3, 4, 5000)] == [1, 3, 9, 20, 20]


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True))
def test_jitter_draws_from_nothing_to_the_whole(tried: int, drawn: float) -> None:
    whole = Retry(jitter=False).seconds(tried)
    assert Retry().seconds(tried, lambda: drawn) == whole * drawn


def test_only_what_it_is_for_is_tried_again_and_not_for_ever() -> None:
    policy = Retry(tries=2, on=(OSError,))
    assert policy.again(1, ConnectionResetError())
    assert not policy.again(1, ValueError())
    assert not policy.again(2, OSError())


@pytest.mark.parametrize("wrong", [{"tries": 0}, {"wait": -1}, {"factor": 0.5}, {"longest": -1}])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Invalid retry policy"):
        Retry(**wrong)  # type: ignore[arg-type]  # of either type, by name
