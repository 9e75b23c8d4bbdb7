"""The inventory: choosing targets by name, group or label, and keeping them as a file."""

from __future__ import annotations

from typing import Any

from core.deprecation import renamed_name
from jobs.targets.selectors import common_selectors, expand_names, select_targets

__all__ = ["common_selectors", "expand_names", "select_targets"]


def __getattr__(name: str) -> Any:
    moved = {"expand": "jobs.targets.expand_names", "select": "jobs.targets.select_targets"}
    return renamed_name(__name__, name, moved)
