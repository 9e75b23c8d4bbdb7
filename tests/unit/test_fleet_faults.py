"""What a control port is told to let go wrong."""

from __future__ import annotations

from typing import Any

import pytest

from ops.fleet.faults import Faults


def test_it_fails_a_step_as_often_as_it_was_told() -> None:
    faults = Faults()
    faults.tell({"step": "health", "times": 2})
    assert [faults.take("health") for _ in range(4)] == ["fail", "fail", None, None]


def test_it_fails_once_and_plainly_unless_told_otherwise() -> None:
    faults = Faults()
    faults.tell({"step": "drain"})
    assert faults.as_dict() == {"drain": {"times": 1, "how": "fail"}}


def test_it_leaves_other_steps_alone() -> None:
    faults = Faults()
    faults.tell({"step": "switch", "how": "hang"})
    assert faults.take("restart") is None
    assert faults.take("switch") == "hang"


def test_it_counts_what_begins_whether_it_fails_or_not() -> None:
    faults = Faults()
    faults.tell({"step": "drain"})
    for step in ("drain", "drain", "fetch"):
        faults.take(step)
    faults.clear()
    assert faults.begun == {"drain": 2, "fetch": 1}


def test_telling_again_replaces_and_zero_takes_back() -> None:
    faults = Faults()
    faults.tell({"step": "fetch", "times": 5})
    faults.tell({"step": "fetch", "times": 0})
    assert faults.take("fetch") is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"step": "dance"},
        {"step": "health", "times": -1},
        {"step": "health", "times": "often"},
        {"step": "health", "times": True},
        {"step": "health", "how": "softly"},
        {"step": ["health"]},
    ],
)
def test_it_refuses_what_it_does_not_understand(body: dict[str, Any]) -> None:
    faults = Faults()
    with pytest.raises(ValueError, match="must be"):
        faults.tell(body)
    assert faults.as_dict() == {}
