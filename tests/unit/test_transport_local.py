"""A local command: its output, its environment, its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

import psutil
import pytest

from jobs.transports import local


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.text = {"out": "", "err": ""}
        self.spoke = asyncio.Event()

    @property
    def env(self) -> Mapping[str, str]:
        return {"REPRISE_JOB": "a-job", "REPRISE_FENCE": "7"}

    def output(self, text: str, stream: str = "out") -> None:
        self.text[stream] += text
        self.spoke.set()

    async def drain(self) -> None:
        await asyncio.sleep(0)


def wait_dead(pid: int) -> None:
    """Wait until a process has ended, whether or not somebody has reaped it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.02)


async def test_output_and_exit_code_come_back() -> None:
    heard = Heard()
    status = await local.run_local(["sh", "-c", "printf 'é\\n'; echo no >&2; exit 3"], heard)
    assert (status, heard.text) == (3, {"out": "é\n", "err": "no\n"})


async def test_a_command_gets_its_job_and_none_of_the_services_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in local.SECRETS:
        monkeypatch.setenv(name, "hush")
    heard = Heard()
    await local.run_local(["env"], heard, env={"OWN": "1"})
    reported = dict(line.split("=", 1) for line in heard.text["out"].splitlines() if "=" in line)
    assert (reported["REPRISE_JOB"], reported["REPRISE_FENCE"], reported["OWN"]) == (
        "a-job",
        "7",
        "1",
    )
    assert not local.SECRETS & set(reported)
    assert "hush" not in heard.text["out"]


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
async def test_the_whole_group_ends_with_a_cancelled_command(trap: str) -> None:
    heard = Heard()
    script = f"{trap}sleep 1000 & echo $!; wait; sleep 1000"
    running = asyncio.create_task(local.run_local(["sh", "-c", script], heard))
    await heard.spoke.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.to_thread(wait_dead, int(heard.text["out"]))


async def test_a_command_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError):
        await local.run_local(["sleep", "1000"], Heard(), timeout=0.2)


async def test_there_is_no_such_command() -> None:
    assert await local.run_local(["no-such-command-here"], Heard()) == 127
