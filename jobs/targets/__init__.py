"""The inventory: choosing targets by name, group or label, and keeping them as a file."""

from jobs.targets.selectors import common_selectors, expand_names, select_targets

__all__ = ["common_selectors", "expand_names", "select_targets"]
