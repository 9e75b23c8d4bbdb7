"""Deprecated: moved to `core.db`."""

from __future__ import annotations

from typing import Any

from core.deprecation import renamed_name


def __getattr__(name: str) -> Any:
    return renamed_name(__name__, name, {"*": "core.db"})
