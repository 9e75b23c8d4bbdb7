"""`ops/up`, second half: start everything in order, say when it is ready, keep it, stop it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ops.child import tethered
from ops.embedded import folders
from ops.errors import CannotStart
from ops.launcher import processes, procfile, ready, state
from ops.launcher.__main__ import guarded
from ops.launcher.keeper import Keeper, Program
from ops.launcher.options import Options, parse
from ops.launcher.services import Services
from ops.setup import run, say, venv

FLEET = "fleet"
FLEET_RANK, PROCFILE_RANK = 20, 30
LOOK_SECONDS = 1.0


def main() -> int:
    """Serve until a signal ends it; 0 when it was ready before, so that Ctrl-C is no failure."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    os.set_inheritable(int(os.environ.pop("REPRISE_UP_LOCK")), False)
    began = float(os.environ.pop("REPRISE_UP_BEGAN"))
    options = parse(sys.argv[1:])
    processes.adopt_orphans()
    copy = Copy(options)
    try:
        copy.start()
        copy.announce(time.time() - began)
        copy.watch()
    except KeyboardInterrupt:
        if not copy.announced:
            raise
    finally:
        copy.stop()
    return 0


class Copy:
    """A running copy of the whole project."""

    def __init__(self, options: Options) -> None:
        self.announced = False
        self._options = options
        self._clone = options.clone
        self._state = options.clone.state
        self._keeper: Keeper | None = None
        self._recorded: dict[str, int] = {}
        self._demo: dict[str, Any] = {}
        self._fleet: dict[str, Any] = {}

    def start(self) -> None:
        """Start everything; return when the pages can be used. CannotStart says what cannot."""
        self._clone.log.mkdir(parents=True, exist_ok=True)
        self._clone.log.chmod(0o700)  # the files in it are whatever their writers' umask says
        with say.step("Preparing Postgres and Valkey"):
            services = Services.prepare(self._state)
        env = self._environment(services)
        commands = procfile.read(self._clone.root / "Procfile")
        programs = [Program.of_shell(name, line, PROCFILE_RANK) for name, line in commands.items()]
        programs += [self._fleet_program()] if self._options.demo else []
        with say.step("Starting Postgres and Valkey") as step:
            self._keeper = keeper = Keeper.launch(
                [*services.programs(), *programs], state=self._state, root=self._clone.root, env=env
            )
            services.start(keeper)
            given = [name for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ]
            step.note = f"{', '.join(given)} given" if given else ""
        self._start_fleet(keeper)
        with say.step("Migrating the database"):
            self._manage(["migrate", "--no-input"], env, services.superuser_database_url)
        for name in commands:
            keeper.start(name)
        self._wait_fleet(env)
        with say.step(f"Starting {', '.join(commands)}"):
            ready.wait_ready(self._options.url, self._look)
            self._wait_up(keeper, list(commands))
        ready.write(self._options, services, self._demo, self._fleet)

    def announce(self, seconds: float) -> None:
        """Say where it is and who may sign in."""
        self.announced = True
        say.line(f"\nReprise is up ({say.seconds(seconds)}).\n")
        say.line(f"  Address   {self._options.url}")
        if self._demo:
            say.line(f"  User      {self._demo['username']}")
            say.line(f"  Password  {self._demo['password']}")
        else:
            say.line("  No users yet: ./ops/manage createsuperuser")
        say.line(f"\n  Logs in {self._clone.log}. Ctrl-C stops everything.\n")

    def watch(self) -> None:
        """Look after the keeper until a signal comes; CannotStart when the keeper itself ends."""
        while True:
            time.sleep(LOOK_SECONDS)
            self._look()

    def stop(self) -> None:
        """Stop everything in order and leave no process; a second signal meanwhile: by force."""
        (self._state / "ready.json").unlink(missing_ok=True)
        try:
            if self._keeper is not None:
                say.line()
                with say.step("Stopping"):
                    self._keeper.stop()
        except KeyboardInterrupt:
            say.line("  Stopping by force.")
        finally:
            processes.end(processes.descendants(), grace=5.0)
            (self._state / "processes.json").unlink(missing_ok=True)

    def _look(self) -> None:
        keeper = self._keeper
        if keeper is None:
            return
        processes.reap(besides=[keeper.process.pid])
        for sentence in keeper.changed():
            say.line(f"  {time.strftime('%H:%M:%S')} {sentence}")
        running = {"keeper": keeper.process.pid, **keeper.running()}
        if running != self._recorded:
            state.record(self._state, running)
            self._recorded = running

    def _environment(self, services: Services) -> dict[str, str]:
        return {
            **venv.environment(self._clone),
            "PYTHONUNBUFFERED": "1",
            "PORT": str(self._options.port),
            "REPRISE_STATE": str(self._state),
            "DATABASE_URL": services.database_url,
            "REDIS_URL": services.redis_url,
            "REPRISE_LOCAL_WRITABLE": ",".join(self._writable()),
        }

    def _writable(self) -> list[str]:
        """Return what local commands may write: what is set, and the demo fleet."""
        given = os.environ.get("REPRISE_LOCAL_WRITABLE", "")
        return [*filter(None, [given]), *([str(self._fleet_folder)] if self._options.demo else [])]

    def _manage(self, arguments: list[str], env: dict[str, str], database_url: str) -> None:
        run.run(
            f"manage.py {arguments[0]}",
            # the checks look at the whole project each time; ./ops/check and the tests have done so
            [self._clone.python, "manage.py", *arguments, "--skip-checks"],
            log=self._clone.log / "setup.log",
            env={**env, "DATABASE_URL": database_url},
            cwd=self._clone.root,
        )

    def _fleet_program(self) -> Program:
        command = [str(self._clone.python), "-m", "ops.fleet.isolated"]
        command += ["--state", str(self._fleet_folder)]
        return Program(FLEET, tethered(command, signal.SIGTERM), FLEET_RANK)

    @property
    def _fleet_folder(self) -> Path:
        return self._state / "fleet"

    def _start_fleet(self, keeper: Keeper) -> None:
        if self._options.demo:
            (self._fleet_folder / "fleet.json").unlink(missing_ok=True)
            keeper.start(FLEET)

    def _wait_fleet(self, env: dict[str, str]) -> None:
        if not self._options.demo:
            return
        description = self._fleet_folder / "fleet.json"
        with say.step("Starting the demo fleet") as step:
            self._fleet = ready.wait_fleet(description, self._look)
            step.note = f"{len(self._fleet['servers'])} servers"
        with say.step("Making the demo user and targets"):
            kept = self._state / "demo.json"
            arguments = ["demo", "--credentials", str(kept), "--fleet", str(description)]
            self._manage(arguments, env, env["DATABASE_URL"])
            self._demo = folders.load(kept)

    def _wait_up(self, keeper: Keeper, names: list[str]) -> None:
        give_up = time.monotonic() + ready.READY_SECONDS
        while missing := [name for name in names if not keeper.is_up(name)]:
            self._look()
            if time.monotonic() > give_up:
                log = self._clone.log / f"{missing[0]}.log"
                raise CannotStart(f"{missing[0]} does not stay up (log: {log})")
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(guarded(main))
