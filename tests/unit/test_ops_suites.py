"""`ops/test`: what runs when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ops.suites.__main__ import FRONTEND, LANES, SUITES, stages

NAMES = [FRONTEND, *SUITES]


@given(st.lists(st.sampled_from(NAMES), unique=True))
def test_every_suite_that_is_chosen_runs_once(chosen: list[str]) -> None:
    run = [suite for stage in stages(chosen) for lane in stage for suite in lane]
    assert sorted(run) == sorted(chosen)
    assert all(stage and all(stage) for stage in stages(chosen))


def test_the_lanes_run_beside_each_other() -> None:
    assert stages(NAMES) == [[list(lane) for lane in LANES], [["integration"]]]


def test_without_a_suite_of_whole_copies_each_has_the_machine_to_itself() -> None:
    assert stages(["unit", "integration"]) == [[["unit"]], [["integration"]]]
