"""`ops/chaos links`, small: both followers over slow links, and links that cut, cap and hold."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ops.setup.clone import ROOT
from tests.chaos.links.verdict import LOST_BYTES
from tests.support.up_process import NOT_INHERITED

LINKS = ("128k", "64k-live", "64k-behind", "1mbit-cut", "capped", "stalled", "stalled-streams")
FOLLOWERS = ("python", "node")
SMALL = ["--here", "--size", "0.1", "--at-once", "120"]
# Where in a frame a cut comes is chance, which evens out over the job that `ops/chaos links` sends.
CUT_SHORT = 1.15
SOUND = {"128k", "64k-live", "64k-behind"}  # links that do nothing but be slow


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    """What came of each case: each follower and transport, before each server, nginx or not."""
    only = [word for name in (*LINKS, *FOLLOWERS) for word in ("--only", name)]
    with tempfile.TemporaryDirectory(prefix="reprise-test-") as made:
        scratch, output = Path(made) / "scratch", Path(made) / "output"
        scratch.mkdir()
        for folder in (Path(made), scratch):
            folder.chmod(0o711)  # the database's user has to come through
        ran = subprocess.run(
            [ROOT / "ops" / "chaos", "links", *SMALL, *only, "--output", output],
            env={name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
            | {"TMPDIR": str(scratch)},
            capture_output=True,
            text=True,
            check=False,
        )
        reported = ran.stdout + ran.stderr
        assert (output / "links.json").exists(), reported
        assert list(scratch.iterdir()) == []
        report = json.loads((output / "links.json").read_text())
    assert report["deaths"] == [], reported
    found: list[dict[str, Any]] = [one for one in report["cases"] if not one["twin"]]
    return found


def named(case: dict[str, Any]) -> str:
    words = ("number", "link", "follower", "way", "server", "door", "transport", "connections")
    return " ".join(str(case[word]) for word in words)


def test_everything_comes_once_and_in_order_over_any_link(cases: list[dict[str, Any]]) -> None:
    assert {(one["link"], one["follower"]) for one in cases} == {
        (link, follower) for link in LINKS for follower in FOLLOWERS
    }
    wrong = [f"{named(one)}: {'; '.join(one['missed'])}" for one in cases if one["missed"]]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_sent_again_that_had_come(cases: list[dict[str, Any]]) -> None:
    wrong = [f"{named(one)}: {one['dear']}" for one in cases if costs_too_much(one)]
    assert not wrong, "\n".join(wrong)


def costs_too_much(case: dict[str, Any]) -> bool:
    """Return whether a case took more bytes than its bound, in a job as short as these.

    Beside other suites a server may be silent for longer than a follower waits: a connection after
    the first may have lost the frame under way, as one after a cut.
    """
    if case["bounds"] is None:
        return bool(case["dear"])
    most = float(case["bounds"]["bytes"])
    if case["link"] == "1mbit-cut":
        most *= CUT_SHORT
    if case["link"] in SOUND:
        most += LOST_BYTES * (case["connections"] - 1)
    took: float = case["down"] + case["up"]
    return took > most


def test_a_slow_link_is_no_reason_to_connect_again(cases: list[dict[str, Any]]) -> None:
    # Node opens a second connection where it has two requests at a time, and beside other suites a
    # server may be silent for longer than a follower waits: once, not again and again.
    many = [named(one) for one in cases if one["link"] in SOUND and one["connections"] > 3]
    assert not many, "\n".join(many)
