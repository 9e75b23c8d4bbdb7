"""Deprecated: use `from jobs.transports import command`.

Importing a module sets it as an attribute of its package, so this one can be called in place of the
function of the same name.
"""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import Any

from jobs.transports.run_command import CommandFailed, command

__all__ = ["CommandFailed", "command"]


class _CallableModule(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return command(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
warnings.warn(
    "jobs.transports.command.command is deprecated: import command from jobs.transports.",
    DeprecationWarning,
    stacklevel=2,
)
