"""How a run records that it takes a patch: as a step of this name that succeeded. Pure."""

from __future__ import annotations

from typing import Any

_PATCH = "patched"


def patch_step(name: str) -> tuple[str, dict[str, str]]:
    """Return the step, and its result, that record that a run takes a patch."""
    return f"{_PATCH} {name}", {_PATCH: name}


def patch_name(step: str, result: Any) -> str | None:
    """Return the patch that a step and its result record; None if they record none."""
    name = result.get(_PATCH) if isinstance(result, dict) else None
    return name if isinstance(name, str) and patch_step(name) == (step, result) else None
