"""Two runs beside each other: aligned steps, what counts as a difference, what comes first."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.events.comparison import Comparison, Run, compare_runs, compare_values
from jobs.events.fold import FAILED, SUCCEEDED, State, StepState, Summary

FAILURE = {"type": "CommandFailed", "message": "exit 1"}


def step(name: str, target: str | None = None, status: str = "succeeded", **more: Any) -> StepState:
    return StepState(
        name, target, more.pop("occurrence", 1), status, more.pop("tries", 1), 1, **more
    )


def run(*steps: StepState, status: str = SUCCEEDED, kind: str = "k", **params: Any) -> Run:
    return Run(kind, params, State(Summary(status), {each.key: each for each in steps}))


def shown(found: Comparison) -> list[tuple[str, str | None, tuple[str, ...], bool]]:
    return [(p.any.step, p.any.target, p.differs, p.is_aligned) for p in found.steps]


def test_two_runs_that_took_their_time_are_the_same() -> None:
    left = run(step("a", "t", seconds=1.0, result={"at": 1}, finished_at="x"), n=1)
    right = run(step("a", "t", seconds=9.0, result={"at": 2}), n=1)
    found = compare_runs(left, right)
    assert found.is_same
    assert found.first is None
    assert found.counts == {"same": 1, "different": 0, "only_left": 0, "only_right": 0}


def test_steps_are_aligned_by_name_target_and_occurrence() -> None:
    left = run(step("a", "t"), step("a", "t", occurrence=2), step("a", "u"), step("a"))
    right = run(step("a"), step("a", "t", occurrence=2), step("a", "v"), step("b", "t"))
    found = compare_runs(left, right)
    assert found.counts == {"same": 2, "different": 0, "only_left": 2, "only_right": 2}
    assert shown(found) == [
        ("a", "t", (), False), ("a", "u", (), False), ("a", "v", (), False), ("b", "t", (), False),
        ("a", "t", (), True), ("a", None, (), True),
    ]  # fmt: skip
    assert not found.is_same


def test_what_both_have_and_differs_comes_first_in_the_order_of_the_first_run() -> None:
    left = run(
        step("fetch", "x"), step("drain", "a"), step("health", "b", tries=3), step("health", "a"),
        step("restart", "a", "failed", error=FAILURE), status=FAILED,
    )  # fmt: skip
    right = run(
        step("health", "a", "failed", error=FAILURE), step("drain", "a"), step("health", "b"),
        step("restart", "a", "failed", error={**FAILURE, "message": "exit 2"}), status=FAILED,
    )  # fmt: skip
    found = compare_runs(left, right)
    assert shown(found) == [
        ("health", "b", ("try",), True),
        ("health", "a", ("status", "error"), True),
        ("restart", "a", ("error",), True),
        ("fetch", "x", (), False),
        ("drain", "a", (), True),
    ]
    assert found.first is found.steps[0]


@pytest.mark.parametrize(
    ("right", "outcome"),
    [(run(status=FAILED), ("status",)), (run(kind="other"), ("kind",)), (run(n=1), ())],
)
def test_a_difference_need_not_be_in_a_step(right: Run, outcome: tuple[str, ...]) -> None:
    found = compare_runs(run(), right)
    assert found.outcome == outcome
    assert not found.is_same
    assert found.first is None


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [("/a", (1,), (True,))]),
        ({"a": None}, {}, [("/a", (None,), ())]),
        ({}, {"a/b~": 0}, [("/a~1b~0", (), (0,))]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("/a/c", (2,), (3,))]),
        ({"a": {}}, {"a": []}, [("/a", ({},), ([],))]),
        ({"t": ["x", "y"]}, {"t": ["y", "z", "w"]}, [("/t", ["x"], ["z", "w"])]),
        ({"t": ["x", "y"]}, {"t": ["y", "x"]}, [("/t", (["x", "y"],), (["y", "x"],))]),
        ({"t": [1, 2]}, {"t": [True, 2]}, [("/t", [1], [True])]),
        ({"t": [{"a": 1}]}, {"t": [{"a": 2}]}, [("/t", ([{"a": 1}],), ([{"a": 2}],))]),
    ],
)
def test_parameters(left: Any, right: Any, expected: list[tuple[str, Any, Any]]) -> None:
    found = compare_values(left, right)
    assert [(one.pointer, one.left, one.right) for one in found] == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab/"), inner),
    max_leaves=6,
)


@given(values, values)
def test_values_differ_somewhere_or_are_the_same_and_either_way_round(
    left: Any, right: Any
) -> None:
    one, other = list(compare_values(left, right)), list(compare_values(right, left))
    same = json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    assert (not one) == same
    assert sorted(each.pointer for each in one) == sorted(each.pointer for each in other)
    assert not list(compare_values(left, left))
