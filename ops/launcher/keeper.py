"""Runs the processes under supervisord, whose configuration is made here.

A death signal ties every program to supervisord, and supervisord to us (`ops.embedded.tether`),
so that nothing outlives its keeper, however that ends. Nothing starts by itself: `start` is called
in the order in which things depend on each other; supervisord stops them in the reverse order.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from ops import child
from ops.errors import CannotStart
from ops.setup.run import telling_line

ANSWER_SECONDS = 15.0
STOP_SECONDS = 90.0
LONGEST_SOCKET_PATH = 100  # the kernel takes 107 bytes, and supervisord adds its pid for a moment


@dataclass(frozen=True, slots=True)
class Program:
    """A process to keep: its command line (run through tether), how it stops, and when.

    Programs of a higher `rank` are stopped before those of a lower one, those of one rank together.
    """

    name: str
    command: list[str]
    rank: int
    stop_signal: int = signal.SIGTERM
    stop_seconds: int = 15

    @classmethod
    def of_shell(cls, name: str, line: str, rank: int, stop_seconds: int = 15) -> Program:
        """Return a program from a Procfile's command line."""
        command = child.tethered(["/bin/sh", "-c", f"exec {line}"], signal.SIGTERM)
        return cls(name, command, rank, stop_seconds=stop_seconds)


def configuration(programs: list[Program], *, socket: Path, root: Path) -> str:
    """Return supervisord's configuration for the programs, for the state folder to run it in.

    Log files are named from there: their names are expanded twice, which no escaped % survives.
    """
    sections = [
        f"[unix_http_server]\nfile={_escaped(socket)}\nchmod=0700\n",
        "[supervisord]\nnodaemon=true\nsilent=true\nlogfile=log/keeper.log\n"
        "pidfile=keeper.pid\nchildlogdir=log\n" + ("user=root\n" if os.geteuid() == 0 else ""),
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
    ]
    for rank in sorted({program.rank for program in programs}):
        members = [program for program in programs if program.rank == rank]
        names = ",".join(program.name for program in members)
        sections.append(f"[group:{_group(rank)}]\nprograms={names}\npriority={rank}\n")
        sections += [_section(program, root) for program in members]
    return "\n".join(sections)


def _section(program: Program, root: Path) -> str:
    # A process that keeps dying is started again for ever, a second later each time.
    return (
        f"[program:{program.name}]\n"
        f"command={_escaped(shlex.join(program.command))}\n"
        f"directory={_escaped(root)}\n"
        "autostart=false\nautorestart=true\nstartsecs=1\nstartretries=1000000\n"
        f"stopsignal={signal.Signals(program.stop_signal).name.removeprefix('SIG')}\n"
        f"stopwaitsecs={program.stop_seconds}\nkillasgroup=true\n"
        f"redirect_stderr=true\nstdout_logfile=log/{program.name}.log\n"
        "stdout_logfile_maxbytes=20MB\nstdout_logfile_backups=2\n"
    )


def _group(rank: int) -> str:
    return f"rank{rank}"


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


@dataclass(slots=True)
class Keeper:
    """A running supervisord with its programs."""

    process: subprocess.Popen[bytes]
    programs: dict[str, Program]
    log: Path
    _transport: SupervisorTransport
    _remote: Any
    _pids: dict[str, int] = field(default_factory=dict)

    @classmethod
    def launch(
        cls, programs: list[Program], *, state: Path, root: Path, env: Mapping[str, str]
    ) -> Keeper:
        """Start supervisord, nothing else; return once it answers. CannotStart if it does not."""
        log = state / "log"
        socket = _socket(state)
        config = state / "keeper.conf"
        config.write_text(configuration(programs, socket=socket, root=root))
        command = [env.get("VIRTUAL_ENV", "") + "/bin/python", "-m", "supervisor.supervisord"]
        process = child.spawn(
            child.tethered([*command, "-c", str(config)], signal.SIGTERM, parent=os.getpid()),
            log / "keeper.out",
            env=dict(env),
            cwd=state,
            append=False,
        )
        transport = SupervisorTransport(None, None, serverurl=f"unix://{socket}")
        remote = xmlrpc.client.ServerProxy("http://keeper", transport=transport)
        keeper = cls(
            process, {program.name: program for program in programs}, log, transport, remote
        )
        keeper._wait_answer()
        return keeper

    def start(self, name: str) -> None:
        """Start a program, once; whether it comes up is the caller's to see."""
        self._call("startProcess", f"{_group(self.programs[name].rank)}:{name}", False)

    def running(self) -> dict[str, int]:
        """Return the pids of the processes that are up now, by name."""
        rows = self._call("getAllProcessInfo")
        return {row["name"]: row["pid"] for row in rows if row["pid"]}

    def is_up(self, name: str) -> bool:
        """Say whether a program has a process now."""
        return name in self.running()

    def changed(self) -> list[str]:
        """Return what became of the programs since the last call, one sentence for each change."""
        now, before = self.running(), self._pids
        self._pids = before | now  # one that is down for a moment is compared when it is back
        restarted = [name for name in now if name in before and now[name] != before[name]]
        return [f"{name} had ended and was started again (pid {now[name]})." for name in restarted]

    def stop(self) -> None:
        """Stop everything in order, then supervisord; by force when that takes over 90 s."""
        child.stop(self.process, STOP_SECONDS)

    def kill(self) -> None:
        """End supervisord at once; its programs die with it."""
        self.process.kill()
        self.process.wait()

    def _wait_answer(self) -> None:
        give_up = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                self._remote.supervisor.getState()
                return
            except (OSError, HTTPException, xmlrpc.client.Error) as error:
                self._transport.close()  # one that failed to connect refuses to try again
                if self.process.poll() is not None or time.monotonic() > give_up:
                    raise self._dead() from error
            time.sleep(0.02)

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._remote.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as error:
            raise CannotStart(f"The keeper refuses {method}: {error.faultString}") from error
        except (OSError, HTTPException) as error:
            raise self._dead() from error

    def _dead(self) -> CannotStart:
        output = (self.log / "keeper.out").read_text(errors="replace")
        return CannotStart(f"The keeper of the processes ended: {telling_line(output)}")


def _socket(state: Path) -> Path:
    socket = state / "keeper.sock"
    if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
        socket = Path(tempfile.mkdtemp(prefix="reprise-")) / "keeper.sock"
    return socket
