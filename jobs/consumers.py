"""Deprecated: moved to `jobs.feed.consumers`."""

from __future__ import annotations

from typing import Any

from core.deprecation import renamed_name


def __getattr__(name: str) -> Any:
    return renamed_name(__name__, name, {"*": "jobs.feed.consumers"})
