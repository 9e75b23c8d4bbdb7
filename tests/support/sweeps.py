"""A sweeper's passes without its threads."""

from __future__ import annotations

from jobs import sweeper


def sweep_once() -> None:
    """One pass over everything that comes often, where one that raises may end it."""
    for work in sweeper.OFTEN.values():
        work()


def keep_house() -> None:
    """One pass over everything that comes seldom, where one that raises may end it."""
    for work in sweeper.SELDOM.values():
        work()
