"""A web server that waits half a second, not thirty, for a connection that takes nothing.

`python -m tests.impatient MODULE …` with what the module of that server takes.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

server: Any = import_module(sys.argv.pop(1))
assert server.SLOW_SECONDS == 30
server.SLOW_SECONDS = 0.5
run = server.main if hasattr(server, "main") else server.CommandLine.entrypoint
run()
