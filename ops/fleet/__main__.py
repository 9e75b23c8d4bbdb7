"""Run the demo fleet: `python -m ops.fleet --state DIR [--servers 12]`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path

from core.errors import RepriseError
from ops.fleet.fleet import Fleet, FleetError

LARGEST = 200


def arguments() -> argparse.Namespace:
    """Read the command line; SystemExit 2 where it is unusable."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.fleet",
        description="Real game-server processes on loopback ports, to update for practice.",
        epilog="REPRISE_FLEET_SPEED=10 makes players, downloads and starts ten times faster.",
    )
    parser.add_argument("--state", type=Path, required=True, help="the folder to keep it all in")
    parser.add_argument("--servers", type=int, default=12, help="how many (default: 12)")
    args = parser.parse_args()
    if not 1 <= args.servers <= LARGEST:
        parser.error(f"--servers must be from 1 to {LARGEST}")
    return args


def speed() -> float:
    """Return REPRISE_FLEET_SPEED, 1 unless set; FleetError if it is no positive number."""
    text = os.environ.get("REPRISE_FLEET_SPEED") or "1"
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= 1000:
            return float(text)
    raise FleetError(f"REPRISE_FLEET_SPEED must be a number above 0, not {text!r}")


async def serve(fleet: Fleet) -> None:
    """Run the fleet until SIGTERM or SIGINT."""
    running = asyncio.create_task(fleet.run())

    def stop() -> None:
        if not running.cancelling():  # a second signal must not cut the tidying up short
            running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def main() -> int:
    """Run until told to stop; return the exit status, one line on stderr where it is not 0."""
    args = arguments()
    try:
        if not shutil.which("setpriv"):
            raise FleetError("setpriv is missing: install the package util-linux")
        fleet = Fleet(args.state, args.servers, speed())
        fleet.prepare()
        asyncio.run(serve(fleet))
    except (RepriseError, OSError) as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
