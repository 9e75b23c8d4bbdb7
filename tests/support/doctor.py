"""Runs single checks of `reprise-admin doctor`."""

from __future__ import annotations

from pathlib import Path

from jobs.doctor import Finding, all_checks, choose_checks, run_checks

PATIENCE_SECONDS = 120.0


def find(name: str, *, url: str = "", backups: Path = Path("none")) -> Finding:
    """Return what one check finds; what it needs is checked before."""
    chosen = choose_checks(all_checks(url, backups), [name])
    found = {one.check: one for one in run_checks(chosen, PATIENCE_SECONDS)}
    return found[name]
