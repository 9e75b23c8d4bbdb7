"""The inventory: choosing targets by name, group or label, and keeping them as a file."""

from jobs.targets.selectors import (
    expand,
    select,
    selectors,
)

__all__ = ["expand", "select", "selectors"]
