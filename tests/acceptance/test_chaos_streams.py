"""`ops/chaos streams`, small: followers on every transport, Valkey away, a web server killed."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from ops.setup.clone import ROOT
from tests.support.up_process import NOT_INHERITED

FAULTS = ("valkey-stop", "web-kill")
FOLLOWERS = 8
# How late an event comes is for the full series to say, on a machine that has nothing else to do.
SMALL = ["--here", "--outage", "2", "--calm", "1", "--bound", "3600"]


def test_followers_get_everything_once_and_in_order_while_things_break(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="reprise-test-") as scratch:
        Path(scratch).chmod(0o711)  # the database's user has to come through
        only = [word for fault in FAULTS for word in ("--only", fault)]
        size = ["--followers", str(FOLLOWERS), "--jobs", "2", "--rate", "40"]
        ran = subprocess.run(
            [ROOT / "ops" / "chaos", "streams", *SMALL, *size, *only, "--output", tmp_path],
            env={name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
            | {"TMPDIR": scratch},
            capture_output=True,
            text=True,
            check=False,
        )
        reported = ran.stdout + ran.stderr
        assert (tmp_path / "streams.json").exists(), reported
        assert list(Path(scratch).iterdir()) == []
    report = json.loads((tmp_path / "streams.json").read_text())
    account = report["account"]
    assert account.pop("got") > 0, reported
    assert account == {"lost": 0, "doubled": 0, "disordered": 0, "foreign": 0}, reported
    assert [one["trouble"] for one in report["followers"]] == [""] * FOLLOWERS, reported
    assert sorted(one["fault"] for one in report["faults"]) == sorted(FAULTS)
