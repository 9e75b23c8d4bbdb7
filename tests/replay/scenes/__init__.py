"""The scenes of the corpus: each has a behaviour of runs, and makes a run that shows it.

A run that a scene makes is recorded once, and its history kept for good (`test_scenes`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.test import override_settings

from jobs.access.visibility import of_user
from jobs.kinds import registry
from tests.integration import runs
from tests.replay.scenes import attempts, people, steps, waits
from tests.replay.scenes.scene import PREFIX, Stage
from tests.support.factories import make_team, make_user

AllScenes = tuple[Any, ...]
_ALL: AllScenes = (*steps.SCENES, *waits.SCENES, *people.SCENES, *attempts.SCENES)
SCENES: dict[str, Any] = {scene.name.removeprefix(PREFIX): scene for scene in _ALL}
"""By the name of its history, each scene's class."""

_PATHS = tuple(f"{scene.__module__}.{scene.__qualname__}" for scene in _ALL)


@contextmanager
def staged(scene: Any, database: str, folder: Path) -> Iterator[Stage]:
    """Make the scenes' kinds known, with a scene's settings, and two people."""
    config = {"secret_keys": folder / "secret_keys", **scene.config}
    with runs.scripts(**config), override_settings(REPRISE_KINDS=_PATHS):
        registry.forget_kinds()
        team = make_team()
        operator, second = (make_user(name, team=team) for name in ("operator", "second"))
        yield Stage(of_user(operator), of_user(second), database, folder)
    registry.forget_kinds()
