"""The line that sshd is asked to run: a small shell that keeps the command, and the command.

sshd does not end a command whose connection is cut. So the shell hears from its worker every few
seconds, a byte on its standard input, and ends the command's whole process group as soon as there
is none for `silence` seconds, or the input ends: when the run is cancelled (the worker closes it),
when the connection is cut or sshd killed, when the worker is killed, when it is stopped or loses
the network. It needs a POSIX shell, setsid (util-linux), timeout, head and env (coreutils), or
BusyBox.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence

from jobs.transports.base import TERM_SECONDS

# The kernel takes no longer argument, and all of the line is one to the login shell.
LONGEST = 120 * 1024
_LOOKS = round(TERM_SECONDS * 10)

# $1: seconds of silence, $2: folder or "", then NAME=VALUE …, then the command. In the background a
# shell gives its children /dev/null as standard input, hence descriptor 3. The group is there only
# once setsid has run, hence the second kill. No newlines: not every login shell passes them on.
_KEEPER = (
    'silence=$1; [ -z "$2" ] || cd "$2" || exit 1; shift 2; exec 3<&0; '
    'setsid env "$@" 3<&- </dev/null & job=$!; '
    '( trap "" HUP INT TERM; exec >/dev/null 2>&1; '
    'while [ "$(timeout "$silence" head -c 1 <&3)" ]; do :; done; '
    'kill -s TERM -- "-$job" || kill -s TERM "$job"; n=0; '
    f'while [ "$n" -lt {_LOOKS} ] && kill -s 0 -- "-$job"; do sleep 0.1; n=$((n+1)); done; '
    'kill -s KILL -- "-$job" || kill -s KILL "$job" ) & watch=$!; '
    'wait "$job"; status=$?; '
    'kill -s KILL -- "-$job" 2>/dev/null; kill -s KILL "$watch" 2>/dev/null; exit "$status"'
)


def line(argv: Sequence[str], env: Mapping[str, str], cwd: str | None, silence: float) -> str:
    """Return the line; ValueError where it is too long for a host to take."""
    pairs = [f"{name}={value}" for name, value in env.items()]
    words = [str(math.ceil(silence)), cwd or "", *pairs, *argv]
    made = f"exec /bin/sh -c {shlex.quote(_KEEPER)} reprise {shlex.join(words)}"
    if len(made.encode()) > LONGEST:
        raise ValueError(f"the command line is longer than {LONGEST // 1024} KiB")
    return made
