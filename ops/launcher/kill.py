"""`ops/kill`: send a signal to processes of the copy that runs on this state folder, by name.

Only that copy's are hit, however many others run on the machine. Its keeper starts them again.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from ops.errors import CannotStart
from ops.launcher import state
from ops.launcher.__main__ import guarded
from ops.launcher.processes import Process
from ops.setup import say
from ops.setup.clone import Clone

PATIENCE_SECONDS = 5.0


def main() -> int:
    """Send the signal; CannotStart if no copy runs or a name has no process."""
    options = _parse(sys.argv[1:])
    clone = Clone.from_env()
    running = _wait_running(clone, set(options.names))
    for name in options.names:
        os.kill(running[name].pid, options.signal)
        say.line(f"{options.signal.name} to {name} (pid {running[name].pid}).")
    return 0


def _wait_running(clone: Clone, names: set[str]) -> dict[str, Process]:
    """Return the copy's processes once those named run: one may be starting again just now."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while missing := names - (running := state.running(clone.state)).keys():
        if not running:
            raise CannotStart(f"Nothing runs on {clone.state}: start it with ./ops/up")
        if time.monotonic() > give_up:
            known = ", ".join(sorted(running))
            raise CannotStart(f"No process {', '.join(sorted(missing))}. Running: {known}.")
        time.sleep(0.1)
    return running


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/kill", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="name", help="web, worker, sweeper, sealer …")
    parser.add_argument(
        "--signal", default=signal.SIGKILL, type=_signal, help="TERM, STOP, … (KILL unless given)"
    )
    return parser.parse_args(arguments)


def _signal(name: str) -> signal.Signals:
    try:
        return signal.Signals[f"SIG{name.upper().removeprefix('SIG')}"]
    except KeyError:
        raise argparse.ArgumentTypeError(f"{name} is no signal") from None


if __name__ == "__main__":
    sys.exit(guarded(main, "kill"))
