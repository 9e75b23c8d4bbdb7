"""A pytest plugin that counts tests into the file that REPRISE_TALLY names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

OUTCOMES = ("passed", "failed", "error")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write how many tests passed, failed and broke down, as pytest's own closing line has it."""
    counts = {name: len(terminalreporter.getreports(name)) for name in OUTCOMES}
    Path(os.environ["REPRISE_TALLY"]).write_text(json.dumps(counts))
