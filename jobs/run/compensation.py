"""Putting back: what was begun on a target is undone in reverse where the target fails."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from core.user_code import describe
from jobs.log import LeaseLost
from jobs.run.attempt import Attempt
from jobs.run.errors import Cancelled, Diverged
from jobs.run.threads import call_function

logger = logging.getLogger(__name__)
Undo = Callable[[], Any]


class Compensation:
    """By target, what puts back what was begun on it, oldest first."""

    def __init__(self, run: Attempt) -> None:
        self._run = run
        self._of: dict[str | None, list[Undo]] = defaultdict(list)
        self.stuck: list[str] = []  # what the run's own end could not put back

    def add(self, target: str | None, undo: Undo) -> None:
        """Have `undo` called where the target fails, before those that were there."""
        self._of[target].append(undo)

    def forget_target(self, target: str | None) -> None:
        """Forget what there is of a target: it is to stay as it is."""
        self._of.pop(target, None)

    async def compensate(self, target: str | None) -> bool:
        """Undo everything on a target; whether all of it could be. What was recorded is not redone.

        One that fails does not keep the older ones from being undone.
        """
        well = True
        for undo in reversed(self._of.pop(target, [])):
            well = await self._run_undo(undo) and well
        return well

    async def compensate_all(self) -> None:
        """Undo everything on every target, the one that was begun last first."""
        for target in reversed(list(self._of)):
            if not await self.compensate(target):
                self.stuck.append(target or "what has no target")

    async def _run_undo(self, undo: Undo) -> bool:
        try:
            await call_function(self._run, undo)
        except asyncio.CancelledError as stop:  # the grace ended this try; there is but one
            self._run.acknowledge_stop(stop)
            return await self._run_undo(undo)
        except (LeaseLost, Diverged):
            raise
        except Exception as error:  # noqa: BLE001 - a kind's code: the older ones are called too
            logger.warning("not put back: %s", describe(error), extra={"action": "undo"})
            return False
        return True


async def compensating(run: Attempt, compensation: Compensation, work: Awaitable[Any]) -> Any:
    """Return what a handler returns; where it fails or is stopped, put back first."""
    try:
        return await work
    except (LeaseLost, Diverged):
        raise
    except asyncio.CancelledError as stop:
        run.acknowledge_stop(stop)
        run.enter_handler()
        await compensation.compensate_all()
        raise Cancelled from None
    except Exception:
        run.enter_handler()
        await compensation.compensate_all()
        raise
