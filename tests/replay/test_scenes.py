"""The scenes of the corpus, played once more: what they are recorded for still happens.

`REPRISE_HISTORIES=1` records those that have no history yet. One that is there is never recorded
anew: it says how a released version wrote events.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from core.db import in_thread
from jobs.events import recording
from jobs.replay.coverage import coverage_of
from jobs.replay.fold import replay_fold
from jobs.replay.handler import replay_handler
from jobs.replay.recorder import Recorded, record_job
from tests.replay import histories
from tests.replay.scenes import SCENES, staged
from tests.replay.scenes.scene import Stage

pytestmark = [pytest.mark.replay, pytest.mark.usefixtures("redis")]
RECORDS = os.environ.get("REPRISE_HISTORIES") == "1"


@pytest.fixture(params=SCENES)
def staged_scene(
    request: pytest.FixtureRequest, database: str, tmp_path: Path
) -> Iterator[tuple[str, Stage]]:
    """A scene's name, and its stage."""
    with staged(SCENES[request.param], database, tmp_path) as stage:
        yield request.param, stage


@pytest.mark.timeout(300)
async def test_a_scene_shows_what_its_history_shows(staged_scene: tuple[str, Stage]) -> None:
    name, stage = staged_scene
    scene = SCENES[name]
    job = await scene.play(stage)
    made = await in_thread(record_job, job)
    if RECORDS and name not in histories.NAMES:
        write_history(name, scene.description, job, made)
    changes = list(recording.recorded_changes(made.texts))
    assert str(replay_fold(made.history(), changes)) == "None"
    assert str(await in_thread(replay_handler, made.history(), scene())) == "None"
    assert coverage_of(made.texts) == coverage_of(histories.read(name).texts)


def write_history(name: str, what: str, job: UUID, made: Recorded) -> None:
    """Add a history to the corpus."""
    folder = histories.FOLDER
    lines = {"": made.texts, ".states": recording.recorded_changes(made.texts)}
    for suffix, texts in lines.items():
        (folder / f"{name}{suffix}.ndjson").write_text("".join(f"{text}\n" for text in texts))
    index = json.loads((folder / "index.json").read_text())
    index[name] = {"job": str(job), "what": what}
    (folder / "index.json").write_text(f"{json.dumps(index, indent=2, ensure_ascii=False)}\n")
