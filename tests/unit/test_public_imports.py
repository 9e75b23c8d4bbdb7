"""What authors of kinds and consumers import, and that the names documented before still work."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from django.test import override_settings

from jobs.queue import dispatch
from jobs.queue.memory import Memory
from tests.support.environment import settings_from

PUBLIC = {
    "jobs.kinds": {"Group", "Kind", "Plan"},
    "jobs.run": {
        "Approval", "Cancelled", "JobFailed", "Outcome", "Rejected", "Retry", "Run", "Step",
        "StepFailed", "Stopped", "SyncRun",
    },
    "jobs.transports": {"CommandFailed", "command"},
    "jobs.secrets": {"Secret"},
    "jobs.commands": {"cancel", "send_signal", "submit"},
    "core.db": {"in_thread"},
    "jobs.feed": {"FeedEvent"},
    "jobs.feed.consumers": {"Consumer"},
    "jobs.events": {"parse"},
}  # fmt: skip

DEPRECATED = [
    ("jobs.kinds.registry", "Kind", "jobs.kinds"),
    ("jobs.kinds.registry", "Plan", "jobs.kinds"),
    ("jobs.kinds.registry", "Group", "jobs.kinds"),
    ("jobs.transports.command", "command", "jobs.transports"),
    ("jobs.db", "in_thread", "core.db"),
    ("jobs.commands", "signal", "jobs.commands"),
    ("jobs.consumers", "Consumer", "jobs.feed.consumers"),
]


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_name_is_there(module: str) -> None:
    assert PUBLIC[module] <= set(dir(import_module(module)))


@pytest.mark.parametrize(("module", "name", "home"), DEPRECATED)
def test_a_name_documented_before_works_and_names_the_new_one(
    module: str, name: str, home: str
) -> None:
    new = {"signal": "send_signal"}.get(name, name)
    script = (
        "import django, warnings; django.setup()\n"
        "warnings.simplefilter('error')\n"
        f"from {home} import {new} as expected\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        f"    from {module} import {name} as found\n"
        "assert found is expected, found\n"
        f"print([str(one.message) for one in caught])\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert f"import {new} from {home}." in ran.stdout


def test_the_old_module_of_command_does_not_hide_the_function() -> None:
    script = (
        "import django; django.setup()\n"
        "from jobs.transports.command import command as old\n"
        "from jobs.transports import command\n"
        "assert callable(command) and callable(old)\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)


def test_a_setting_that_names_an_engine_where_it_was_before_still_works() -> None:
    config = settings_from({"REPRISE_DISPATCH": "jobs.dispatch.memory.Memory"})
    with override_settings(REPRISE=config):
        assert isinstance(dispatch.current_engine(), Memory)
