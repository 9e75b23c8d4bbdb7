"""A command's own exit decides, and its words arrive as they are: locally and over ssh alike."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.test import override_settings

from jobs.transports import local, ssh
from jobs.transports.errors import CommandUnusable
from tests.acceptance.process_search import with_environment
from tests.support.sshd import Place, Sshd, Yard, yard
from tests.support.waiting import auntil, until

SILENCE = 20.0  # far longer than what these tests wait for
MARK = f"exit-test-{os.getpid()}"
# Says what words it was given, as bytes.
ECHO = "import json, os, sys; print(json.dumps([list(os.fsencode(a)) for a in sys.argv[1:]]))"

WORDS = [
    "", " ", "-n", "--", "-", "--help", "A=b", "=", "a\nb", "\n", "\t", "a\r", "it's", '"q"',
    "$HOME", "$(id)", "`id`", "\\", "\\n", "*", "~", "!x", "#", "%s", "a;b", "é", "\U0001f600",
    "\udcff\udc80", "x" * 20_000,
]  # fmt: skip

Run = Callable[..., Awaitable[int]]


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.env = {"REPRISE_JOB": MARK}
        self.text = {"out": "", "err": ""}

    def output(self, text: str, stream: str = "out") -> None:
        self.text[stream] += text

    async def drain(self) -> None:
        await asyncio.sleep(0)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("exit") / "yard") as made:
        yield made


@pytest.fixture(params=["isolated", "trusted", "ssh"])
def run(request: pytest.FixtureRequest, ground: Yard, tmp_path: Path) -> Iterator[Run]:
    """Run a command over a transport. Nothing of it is left after."""
    tmp_path.chmod(0o755)
    with ground.config(SILENCE):
        if request.param == "ssh":
            yield partial(ssh.run_ssh, target=Place(ground.hosts[0].address))
        else:
            own = {"local": request.param, "local_writable": (tmp_path,)}
            with override_settings(REPRISE=settings.REPRISE.with_changes(**own)):
                yield local.run_local
    until(lambda: not left(), lambda: f"the end of {left()}")


@pytest.fixture
def host(ground: Yard) -> Iterator[Sshd]:
    with ground.config(SILENCE):
        yield ground.hosts[0]
    until(lambda: not left(), lambda: f"the end of {left()}")


def left() -> dict[int, str]:
    return with_environment(REPRISE_JOB=MARK)


async def reported(
    run: Run, *argv: str, cwd: Path | str | None = None, **env: str
) -> tuple[int, str, str]:
    """Return a command's status and what it said."""
    heard = Heard()
    status = await run(argv, heard, env=env, cwd=cwd and str(cwd))
    return status, heard.text["out"], heard.text["err"]


async def test_what_stays_in_the_group_ends_with_the_command(run: Run) -> None:
    assert await reported(run, "sh", "-c", "sleep 1000 & echo started; exit 3") == (
        3,
        "started\n",
        "",
    )
    await auntil(lambda: not left(), "the end of what was left")


async def test_what_the_group_still_says_at_the_exit_is_heard(run: Run) -> None:
    script = "{ sleep 0.2; echo late; } & echo early"
    assert await reported(run, "sh", "-c", script) == (0, "early\nlate\n", "")


@pytest.mark.parametrize("run", ["trusted", "ssh"], indirect=True)
@pytest.mark.parametrize(
    "daemon",
    [
        "setsid sleep 1000 &",
        "setsid sh -c 'trap \"\" TERM HUP; sleep 1000' &",
        "(setsid sleep 1000 &);",
        "setsid yes &",
    ],
)
async def test_a_daemon_with_the_output_open_goes_on_and_keeps_nobody(
    run: Run, daemon: str
) -> None:
    """It has left the group, which is how a command says that something is to stay."""
    status, out, _ = await reported(run, "sh", "-c", f"{daemon} echo started; exit 3")
    assert (status, "started\n" in out) == (3, True)
    if "yes" not in daemon:  # that one dies of writing to nobody
        await auntil(left, "the daemon")
    for pid in left():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("run", ["isolated"], indirect=True)
async def test_a_daemon_of_an_isolated_command_ends_with_it(run: Run) -> None:
    assert await reported(run, "sh", "-c", "setsid sleep 1000 & exit 3") == (3, "", "")
    await auntil(lambda: not left(), "the end of the daemon")


async def test_a_daemon_on_a_host_is_no_harm_to_other_commands_there(host: Sshd) -> None:
    target, before = Place(host.address), host.connections
    beside = Heard()
    other = asyncio.create_task(
        ssh.run_ssh(
            [
                "sh",
                "-c",
                'echo on; while [ -e "$0" ]; do sleep 0.05; done; exit 4',
                str(host.folder),
            ],
            beside,
            target=target,
        )
    )
    await auntil(lambda: beside.text["out"], "the command beside")
    for _ in range(12):  # more than a connection has room for
        assert await ssh.run_ssh(["sh", "-c", "setsid sleep 1000 &"], Heard(), target=target) == 0
    assert not other.done()
    other.cancel()
    await asyncio.wait({other})
    assert host.connections - before <= 1
    for pid in left():
        os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def running(host: Sshd, script: str) -> AsyncIterator[asyncio.Task[int]]:
    heard = Heard()
    argv = ["sh", "-c", script]
    task = asyncio.create_task(ssh.run_ssh(argv, heard, target=Place(host.address)))
    await auntil(lambda: heard.text["out"], "the command's first word")
    yield task


async def test_a_command_whose_end_nobody_hears_of_ends_no_other(
    host: Sshd, tmp_path: Path
) -> None:
    over = tmp_path / "over"
    waits = f"echo on; while [ ! -e {over} ]; do sleep 0.05; done; exit 5"
    async with running(host, waits) as beside, running(host, "echo on; sleep 1001") as stuck:
        keepers = [
            one
            for one in host.commands("sleep 1001")
            if one.name() == "sh" and "reprise" in one.cmdline()
        ]
        for keeper in keepers:
            keeper.suspend()
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        assert await ssh.run_ssh(["true"], Heard(), target=Place(host.address)) == 0
        over.touch()
        assert await beside == 5
        for keeper in keepers:
            keeper.resume()


async def test_words_arrive_as_they_are(run: Run) -> None:
    status, out, err = await reported(run, sys.executable, "-c", ECHO, *WORDS)
    assert (status, err) == (0, "")
    assert [bytes(word) for word in json.loads(out)] == [os.fsencode(word) for word in WORDS]


@pytest.mark.parametrize("name", ["run=x.sh", "-run.sh", "-a=b", "a b.sh", "it's", "=", "é"])
async def test_the_first_word_is_a_command_whatever_it_looks_like(
    run: Run, name: str, tmp_path: Path
) -> None:
    script = tmp_path / name
    script.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    script.chmod(0o755)
    words = ["-x", "A=b", ""]
    assert await reported(run, f"./{name}", *words, cwd=tmp_path) == (0, "-x|A=b||", "")
    assert await reported(run, str(script), *words) == (0, "-x|A=b||", "")
    path = f"{tmp_path}:/usr/bin:/bin"
    if "=" not in name:
        assert await reported(run, name, *words, PATH=path) == (0, "-x|A=b||", "")


async def test_what_cannot_be_run_is_said_in_the_same_words(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program\n")
    (tmp_path / "folder").mkdir()
    here = partial(reported, run, cwd=tmp_path)
    assert await reported(run, "no-such-command") == (
        127,
        "",
        "no-such-command: command not found\n",
    )
    assert await reported(run, "") == (127, "", ": command not found\n")
    assert await reported(run, "/no/such") == (127, "", "/no/such: command not found\n")
    assert await here("./plain") == (126, "", "./plain: permission denied\n")
    assert await here("./folder") == (126, "", "./folder: permission denied\n")
    assert await here("plain", PATH=str(tmp_path)) == (126, "", "plain: permission denied\n")
    gone = str(tmp_path / "gone")
    assert await reported(run, "true", cwd=gone) == (126, "", f"{gone}: no such folder\n")
    assert await reported(run, "true", cwd=tmp_path / "plain") == (
        126, "", f"{tmp_path / 'plain'}: no such folder\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    "argv", [[], ["echo", "a\0b"], ["echo", "x" * 3_000_000], ["echo", "\ud800"], ["echo", 5]]
)
async def test_what_no_process_can_be_given_is_refused(run: Run, argv: list[str]) -> None:
    with pytest.raises(CommandUnusable):
        await run(argv, Heard())


async def test_a_signal_is_told_as_a_shell_tells_it(run: Run) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
        status, _, _ = await reported(run, "sh", "-c", f"kill -{int(number)} $$")
        assert status == 128 + number


async def test_a_command_that_closes_its_output_is_waited_for(run: Run) -> None:
    assert (await reported(run, "sh", "-c", "exec >&- 2>&-; sleep 0.3; exit 6"))[0] == 6


async def test_much_output_comes_whole_though_its_reader_is_slow(run: Run) -> None:
    class Slow(Heard):
        async def drain(self) -> None:
            await asyncio.sleep(0.02)

    heard = Slow()
    script = "setsid sleep 1000 & seq 200000"
    assert await run(["sh", "-c", script], heard) == 0
    assert heard.text["out"] == "".join(f"{number}\n" for number in range(1, 200_001))
    for pid in left():
        psutil.Process(pid).kill()


@pytest.mark.parametrize("run", ["isolated", "trusted"], indirect=True)
async def test_a_command_that_is_cancelled_while_it_starts_is_ended(run: Run) -> None:
    """Its process is there before the event loop has all of its pipes."""
    for turns in range(12):
        before = set(psutil.Process().children())
        own = asyncio.ensure_future(run(["sh", "-c", "sleep 1000 & sleep 1000"], Heard()))
        await auntil(lambda: {*psutil.Process().children()} - before, "its process", pause=0)  # noqa: B023
        for _ in range(turns):
            await asyncio.sleep(0)
        own.cancel()
        await auntil(own.done, f"the end of one cancelled after {turns} turns of the loop")
        assert (own.cancelled(), left()) == (True, {})


async def test_a_deaf_command_is_ended_however_often_it_is_cancelled(run: Run) -> None:
    """A worker that cannot renew a lease cancels its run again and again."""
    heard, deaf = Heard(), "trap '' TERM; echo on; while :; do sleep 0.05; done"
    own = asyncio.ensure_future(run(["sh", "-c", deaf], heard))
    await auntil(lambda: heard.text["out"], "the command's first word")
    while not own.done():
        own.cancel()
        await asyncio.wait({own}, timeout=0.1)
    assert own.cancelled()
    await auntil(lambda: not left(), "the end of the command")
