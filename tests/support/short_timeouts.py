"""A web server with short time limits: `python -m tests.support.short_timeouts MODULE …`.

Each number of `streams.server.patience` and `streams.server.limits` that the environment has under
the same name is replaced by it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def hurry(module: ModuleType) -> None:
    """Take the numbers of a module from the environment, as far as they are there."""
    for name, value in vars(module).items():
        if name.isupper() and name in os.environ:
            setattr(module, name, type(value)(os.environ[name]))


name = sys.argv.pop(1)
server: Any = import_module(f"{name}.__main__" if name == "streams.server" else name)
for place in ("streams.server.patience", "streams.server.limits"):
    hurry(import_module(place))
server.main()
