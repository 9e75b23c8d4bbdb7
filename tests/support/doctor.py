"""Runs single checks of `reprise-admin doctor`."""

from __future__ import annotations

from pathlib import Path

from jobs.doctor import Finding, all_checks, run_checks

PATIENCE_SECONDS = 120.0


def find(name: str, *, url: str = "", backups: Path = Path("none")) -> Finding:
    """Return what one check finds; what it needs is checked before."""
    checks = {check.name: check for check in all_checks(url, backups)}
    chain = [checks[name]]
    while chain[0].needs:
        chain.insert(0, checks[chain[0].needs])
    return list(run_checks(chain, PATIENCE_SECONDS))[-1]
