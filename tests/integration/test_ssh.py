"""Commands over a real sshd: what they say, how they end, and what is said of hosts that fail."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from jobs.transports import errors, ssh
from jobs.transports.errors import TransportError
from ops.setup.clone import ROOT
from tests.acceptance.process_search import with_environment
from tests.support.sshd import Place, Sshd, Yard, keygen, yard
from tests.support.waiting import until

SILENCE = 2.0
MARK = f"ssh-test-{os.getpid()}"
# A child in the background of a child, both deaf to TERM or not.
FAMILY = "sh -c 'sleep 1000 & sleep 1000' & echo there; wait"

WORKER = """
import asyncio, sys
import django
django.setup()
from jobs.transports import ssh
from tests.support.sshd import Place

class Listener:
    env = {"REPRISE_JOB": sys.argv[3]}
    def output(self, text, stream="out"): print(text, end="", flush=True)
    async def drain(self): ...

asyncio.run(ssh.run_ssh(["sh", "-c", sys.argv[2]], Listener(), target=Place(sys.argv[1])))
"""


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.env = {"REPRISE_JOB": MARK, "REPRISE_STEP": "a step"}
        self.text = {"out": "", "err": ""}
        self.spoke = asyncio.Event()

    def output(self, text: str, stream: str = "out") -> None:
        self.text[stream] += text
        self.spoke.set()

    async def drain(self) -> None:
        await asyncio.sleep(0)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("ssh") / "yard", hosts=2) as made:
        yield made


@pytest.fixture
def host(ground: Yard) -> Iterator[Sshd]:
    """A host that a worker may use as it is set up; nothing of a command is left there after."""
    with ground.config(SILENCE):
        yield ground.hosts[0]
    until(lambda: not left(), "the end of every command")


def left() -> dict[int, str]:
    """Return the processes on the hosts that are a command's."""
    return with_environment(REPRISE_JOB=MARK)


def place(host: Sshd) -> Place:
    return Place(host.address)


def with_sessions(ground: Yard, count: int) -> Sshd:
    """Return the first host, allowing so many sessions over a connection."""
    host = ground.hosts[0]
    host.stop()
    with (host.folder / "sshd_config").open("a") as config:
        config.write(f"MaxSessions {count}\n")
    host.start()
    return host


@asynccontextmanager
async def running(host: Sshd, script: str) -> AsyncIterator[asyncio.Task[int]]:
    """Yield a command that has said something and goes on."""
    heard = Heard()
    task = asyncio.create_task(ssh.run_ssh(["sh", "-c", script], heard, target=place(host)))
    await asyncio.wait(
        {task, reported := asyncio.ensure_future(heard.spoke.wait())}, return_when="FIRST_COMPLETED"
    )
    assert reported.done(), task.exception()
    yield task


async def fails(target: Place, error: type[TransportError]) -> str:
    """Return what is said of a target on which nothing can be run."""
    heard = Heard()
    with pytest.raises(error) as caught:
        await ssh.run_ssh(["echo", "hello"], heard, target=target)
    assert type(caught.value) is error
    assert heard.text["out"] == ""
    return caught.value.message


async def test_output_and_exit_status_come_back(host: Sshd) -> None:
    heard = Heard()
    script = r"printf 'é\n'; printf 'a\377b\n' >&2; exit 3"
    status = await ssh.run_ssh(["sh", "-c", script], heard, target=place(host))
    assert (status, heard.text) == (3, {"out": "é\n", "err": "a\ufffdb\n"})


async def test_words_arrive_as_they_were_given(host: Sshd, tmp_path: Path) -> None:
    words = ["it's", "$HOME `id`", "", "-n", "a\nb", "*", "é\\"]
    heard = Heard()
    argv = ["sh", "-c", 'printf "%s|" "$@"', "name", *words]
    assert await ssh.run_ssh(argv, heard, target=place(host)) == 0
    assert heard.text["out"] == "".join(f"{word}|" for word in words)


async def test_a_command_gets_its_job_and_its_folder_and_no_input(
    host: Sshd, tmp_path: Path
) -> None:
    heard = Heard()
    script = 'echo "$REPRISE_JOB $REPRISE_STEP $OWN"; pwd; cat'
    argv = ["sh", "-c", script]
    folder = tmp_path / "a folder"
    folder.mkdir()
    await ssh.run_ssh(argv, heard, target=place(host), env={"OWN": "o'wn"}, cwd=str(folder))
    assert heard.text["out"] == f"{MARK} a step o'wn\n{folder}\n"


async def test_much_output_comes_whole(host: Sshd) -> None:
    heard = Heard()
    await ssh.run_ssh(["seq", "100000"], heard, target=place(host))
    assert heard.text["out"] == "".join(f"{number}\n" for number in range(1, 100001))


async def test_a_signal_is_told_as_a_shell_tells_it(host: Sshd) -> None:
    assert await ssh.run_ssh(["sh", "-c", "kill -9 $$"], Heard(), target=place(host)) == 128 + 9
    assert await ssh.run_ssh(["no-such-command-here"], Heard(), target=place(host)) == 127


async def test_a_host_has_one_connection_for_all_its_commands(ground: Yard, host: Sshd) -> None:
    before = [each.connections for each in ground.hosts]
    work = [
        ssh.run_ssh(["sh", "-c", "sleep 0.1"], Heard(), target=place(each))
        for each in ground.hosts
        for _ in range(12)  # more than sshd lets run at a time over one connection
    ]
    assert await asyncio.gather(*work) == [0] * 24
    assert await ssh.run_ssh(["true"], Heard(), target=place(host)) == 0
    assert [each.connections for each in ground.hosts] == [count + 1 for count in before]


async def test_a_command_waits_where_sshd_has_no_room_for_it(tmp_path: Path) -> None:
    with yard(tmp_path / "yard") as narrow, narrow.config(SILENCE):
        host = with_sessions(narrow, 2)
        work = [ssh.run_ssh(["sleep", "0.2"], Heard(), target=place(host)) for _ in range(6)]
        assert await asyncio.gather(*work) == [0] * 6
        assert host.connections == 1


async def test_a_host_that_runs_nothing_is_said_to(tmp_path: Path) -> None:
    with yard(tmp_path / "yard") as narrow, narrow.config(SILENCE):
        reported = await fails(place(with_sessions(narrow, 0)), TransportError)
    assert "runs no command" in reported


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
async def test_the_whole_group_ends_with_a_cancelled_command(host: Sshd, trap: str) -> None:
    async with running(host, trap + FAMILY) as task:
        await asyncio.to_thread(until, lambda: len(left()) == 4, "the whole family")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert left() == {}
    assert await ssh.run_ssh(["true"], Heard(), target=place(host)) == 0  # over the same connection


async def test_a_command_that_takes_too_long_is_ended(host: Sshd) -> None:
    with pytest.raises(TimeoutError):
        await ssh.run_ssh(["sleep", "1000"], Heard(), target=place(host), timeout=0.5)
    assert left() == {}


async def test_what_a_command_leaves_in_the_background_ends_with_it(host: Sshd) -> None:
    script = "sleep 1000 & echo done"
    assert await ssh.run_ssh(["sh", "-c", script], Heard(), target=place(host)) == 0
    assert left() == {}


def test_a_killed_worker_leaves_nothing_on_the_host(ground: Yard, host: Sshd) -> None:
    program = [sys.executable, "-c", WORKER, host.address, FAMILY, MARK]
    env = os.environ | ground.env
    with subprocess.Popen(program, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "there\n"
        until(lambda: len(left()) == 4, "the whole family")
        worker.kill()
    until(lambda: not left(), "the end of the command")


def test_a_stopped_worker_leaves_nothing_on_the_host(ground: Yard, host: Sshd) -> None:
    program = [sys.executable, "-c", WORKER, host.address, FAMILY, MARK]
    env = os.environ | ground.env | {"REPRISE_SSH_SILENCE_SECONDS": str(SILENCE)}
    with subprocess.Popen(program, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "there\n"
        worker.send_signal(signal.SIGSTOP)
        until(lambda: not left(), "the end of the command")
        worker.kill()


async def test_a_host_that_dies_in_mid_command(host: Sshd) -> None:
    async with running(host, FAMILY) as task:
        host.send(signal.SIGKILL)
        with pytest.raises(errors.HostLost, match="ended while the command ran"):
            await task
    assert await ssh.run_ssh(["true"], Heard(), target=place(host)) == 0  # over a new connection


async def test_a_host_that_hangs_in_mid_command(host: Sshd) -> None:
    async with running(host, FAMILY) as task:
        host.send(signal.SIGSTOP)
        with pytest.raises(errors.HostHung, match="went silent while the command ran"):
            await task
        # Nobody is heard there any more, whatever becomes of the connection.
        until(lambda: not left(), "the end of the command")
        host.send(signal.SIGCONT)


async def test_a_host_that_hangs_cannot_hold_up_a_cancelled_command(host: Sshd) -> None:
    async with running(host, FAMILY) as task:
        host.send(signal.SIGSTOP)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        host.send(signal.SIGCONT)


async def test_a_host_that_takes_connections_and_says_nothing(host: Sshd) -> None:
    config = settings.REPRISE.with_changes(ssh_connect_seconds=0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, override_settings(REPRISE=config):
        port = silent.getsockname()[1]
        reported = await fails(Place(f"ssh://127.0.0.1:{port}"), errors.HostHung)
    assert reported == f"127.0.0.1 port {port} accepted the connection and sent nothing for 0.5 s."


async def test_a_host_that_is_not_there(host: Sshd) -> None:
    with socket.socket() as unused:  # bound, so nobody else gets it, and not listening
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        reported = await fails(Place(f"ssh://127.0.0.1:{port}"), errors.HostUnreachable)
    assert reported.startswith(f"127.0.0.1 port {port} cannot be reached: ")
    reported = await fails(Place("ssh://no-such-host.invalid"), errors.HostUnreachable)
    assert reported.startswith("no-such-host.invalid cannot be reached: ")


async def test_a_wrong_host_key(ground: Yard, host: Sshd, tmp_path: Path) -> None:
    other = ground.hosts[1].known.replace(str(ground.hosts[1].port), str(host.port))
    (tmp_path / "known").write_text(other)
    config = settings.REPRISE.with_changes(ssh_known_hosts=tmp_path / "known")
    with override_settings(REPRISE=config):
        reported = await fails(place(host), errors.HostKeyWrong)
    assert "has another host key (SHA256:" in reported


async def test_an_unknown_host_key(ground: Yard, host: Sshd, tmp_path: Path) -> None:
    (tmp_path / "known").write_text(ground.hosts[1].known)
    for name, detail in {"known": "has no host key of 127.0.0.1", "none": "cannot be read"}.items():
        config = settings.REPRISE.with_changes(ssh_known_hosts=tmp_path / name)
        with override_settings(REPRISE=config):
            assert detail in await fails(place(host), errors.HostKeyUnknown)


async def test_a_refused_key(host: Sshd, tmp_path: Path) -> None:
    keygen(tmp_path / "stranger")
    target = Place(host.address, variables={"ssh_keys": [str(tmp_path / "stranger")]})
    reported = await fails(target, errors.KeyRefused)
    assert reported.endswith(f"with every key: {tmp_path}/stranger.")


@pytest.mark.parametrize(
    "address", ["", "10.0.0.1", "http://x", "ssh://", "ssh://x:y", "ssh://x/y"]
)
async def test_an_address_that_is_none(host: Sshd, address: str) -> None:
    reported = await fails(Place(address), errors.TargetUnusable)
    assert reported == f"{address!r} of box is not an address for ssh: write ssh://user@host:port."


async def test_a_key_file_that_is_none(host: Sshd, tmp_path: Path) -> None:
    target = Place(host.address, variables={"ssh_keys": [str(tmp_path / "gone")]})
    assert "gone cannot be used" in await fails(target, errors.TargetUnusable)
