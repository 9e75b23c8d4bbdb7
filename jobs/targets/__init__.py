"""The inventory: choosing targets by name, group or label, and keeping them as a file."""

from jobs.targets.selecting import MOST_TARGETS, expand, select, selectors

__all__ = ["MOST_TARGETS", "expand", "select", "selectors"]
