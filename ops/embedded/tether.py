"""Run a command that dies with its parent, as another user if asked: `tether.py … -- command`.

A script of its own, and only on the standard library: it must start in a few milliseconds and
before anything is installed. Dropping the user happens here, in a process that could still read
the interpreter, and the death signal after it, since changing user clears it (prctl(2)).

    --signal N       what the kernel sends the command when the parent dies (default 15)
    --parent PID     the parent meant: end at once where it is gone already
    --user UID:GID   become this user, with no other groups
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Parse the options, tie this process to its parent, become the command."""
    options = _options()
    if options.user:
        uid, _, gid = options.user.partition(":")
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    parent = options.parent or os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, options.signal)
    if os.getppid() != parent:
        sys.exit(f"{options.command[0]}: not started, its parent {parent} is gone")
    try:
        os.execvp(options.command[0], options.command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.exit(f"{options.command[0]}: {error.strerror}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tether")
    parser.add_argument("--signal", type=int, default=signal.SIGTERM)
    parser.add_argument("--parent", type=int)
    parser.add_argument("--user")
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    main()
