"""The arguments and the environment of `ops/up`."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass

from ops.errors import CannotStart
from ops.setup.clone import Clone

HOST = "127.0.0.1"
EXPLANATION = """\
Start everything that Reprise needs and keep it running until Ctrl-C or SIGTERM: the Python
environment, Postgres, Valkey, the front end, a demo fleet, and the processes of the Procfile."""
ENVIRONMENT = """\
environment:
  PORT            the web server's port (8000)
  REPRISE_STATE   the folder for data, logs and passwords (.state)
  REPRISE_VENV    the Python environment (.venv)
  DATABASE_URL    a Postgres to use instead of starting one
  REPRISE_SUPERUSER_DATABASE_URL
                  the same database as its owner, to migrate with
  REDIS_URL       a Valkey or Redis to use instead of starting one

When all is ready, ready.json in the state folder says how to reach it."""


@dataclass(frozen=True, slots=True)
class Options:
    """One start: whose clone and state, on which port, with the demo or without."""

    clone: Clone
    port: int
    demo: bool

    @property
    def url(self) -> str:
        """The address of the pages."""
        return f"http://{HOST}:{self.port}"


def parse(arguments: list[str]) -> Options:
    """Return the options; CannotStart if the environment's are unusable."""
    parser = argparse.ArgumentParser(
        prog="ops/up",
        description=EXPLANATION,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--no-demo", action="store_true", help="no demo user and no demo fleet")
    given = parser.parse_args(arguments)
    port = os.environ.get("PORT") or "8000"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise CannotStart(f"PORT must be a port number, not {port!r}.")
    return Options(Clone.from_env(), int(port), demo=not given.no_demo)
