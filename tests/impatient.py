"""A web server that waits half a second, not thirty, for a connection that takes nothing.

`python -m tests.impatient MODULE …` with what the module of that server takes. `FAREWELL_SECONDS`
is how long it leaves its last words to a client that wakes up, where that is not a second.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

server: Any = import_module(sys.argv.pop(1))
assert server.SLOW_SECONDS == 30
assert server.FAREWELL_SECONDS == 1
server.SLOW_SECONDS = 0.5
server.FAREWELL_SECONDS = float(os.environ.get("FAREWELL_SECONDS", "1"))
run = server.main if hasattr(server, "main") else server.CommandLine.entrypoint
run()
