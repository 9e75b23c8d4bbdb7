"""`reprise check`: which runs would break with new code; said by the service's `check_runs`.

It replays runs with the service and its job kinds, which have to be installed beside the client.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

COMMAND = "check"
HELP = "say which runs would break with new code; needs the service beside the client"
MISSING = """\
`check` replays runs with the code of the service, which is not installed here. Install the
service's wheel into this environment, or use `reprise-admin check_runs` where it is installed."""


class ServiceMissing(Exception):
    """The service is not installed beside the client."""


def check_runs(words: Sequence[str]) -> int:
    """Run `reprise-admin check_runs` with these arguments; return its exit status."""
    try:
        service = import_module("core.command_line")  # by name: the client is installed without it
    except ModuleNotFoundError as error:
        raise ServiceMissing(" ".join(MISSING.split())) from error
    sys.argv = ["reprise-admin", "check_runs", *words]
    return int(service.main())
