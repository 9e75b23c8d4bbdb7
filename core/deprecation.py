"""Names that have moved: the old one works, with a warning that names the new one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any


def renamed_name(module: str, name: str, moved: Mapping[str, str]) -> Any:
    """Return what `module.name` is called now, for a module's `__getattr__`.

    `moved`: the new dotted path by the old name, under "*" the module that has all others.
    """
    if name in moved:
        path = moved[name]
    elif "*" in moved and not name.startswith("__"):
        path = f"{moved['*']}.{name}"
    else:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, attribute = path.rpartition(".")
    try:
        value = getattr(import_module(home), attribute)
    except AttributeError:
        raise AttributeError(f"module {module!r} has no attribute {name!r}") from None
    message = f"{module}.{name} is deprecated: import {attribute} from {home}."
    warnings.warn(message, DeprecationWarning, stacklevel=3)
    return value
