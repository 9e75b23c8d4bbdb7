"""The inventory: choosing targets by name, group or label, and keeping them as a file."""

from jobs.targets.selecting import expand, select, selectors

__all__ = ["expand", "select", "selectors"]
