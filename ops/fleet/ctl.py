"""The control script that every game-server host carries: one command, one step of an update.

    ctl.py --folder F --repository R --control URL [--name N] [--url U] COMMAND [VERSION]

Each command may be killed at any moment and run again, and then ends right. A release is unpacked
beside its place and renamed into it once its sums are right; `current` is replaced atomically,
after what it was has been noted for a rollback; a restart carries an id, so that asking twice is
asking once. One command runs on a target at a time. Under a job (`REPRISE_JOB`, `REPRISE_FENCE`) a
command of an attempt that has been overtaken is refused, and ended where it still runs.

Standard library only, and sparing with that: an update starts this script many times. Exit status:
0 done, 1 failed, 2 usage, 3 overtaken by a later attempt, 4 target busy.
"""

from __future__ import annotations

import argparse
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from ops.fleet.host.basics import RED, Failed, say
from ops.fleet.host.steps import COMMANDS, NEED_VERSION
from ops.fleet.host.target import Target
from ops.fleet.host.turn import Turn


def arguments(argv: list[str]) -> argparse.Namespace:
    """Read the command line; SystemExit 2 where it is unusable."""
    parser = argparse.ArgumentParser(prog="ctl.py", description="One step on one game server.")
    parser.add_argument("--folder", required=True, help="the server's folder")
    parser.add_argument("--repository", required=True, help="the folder with manifest.json")
    parser.add_argument("--control", required=True, help="the supervisor's address of this server")
    parser.add_argument("--name", help="default: the folder's name")
    parser.add_argument("--url", help="the server's address; default: the supervisor says")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster to wait")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("version", nargs="?", default="")
    args = parser.parse_args(argv)
    if args.command in NEED_VERSION and not args.version:
        parser.error(f"{args.command} needs a version")
    if os.sep in args.version or args.version.startswith("."):
        parser.error(f"{args.version} is no version")
    return args


def main(argv: list[str]) -> int:
    """Run one command; return the exit status, having said why where it is not 0."""
    args = arguments(argv)
    try:
        if not os.path.isdir(args.folder):
            raise Failed(f"there is no folder {args.folder}")
        turn = Turn(args.folder)
        turn.take()
        COMMANDS[args.command](Target(args, turn.job), args.version)
    except (Failed, OSError, ValueError, KeyError) as error:
        say(f"{args.command} failed: {error}", RED, sys.stderr)
        return getattr(error, "status", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
