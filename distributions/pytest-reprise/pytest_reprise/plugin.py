"""The plugin: its options, the histories that it collects, its fixtures.

Importing it imports no Django and nothing of Reprise: these come with the first history.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from pytest_reprise.items import SHRUNK, STATES, HistoryFile

if TYPE_CHECKING:
    from jobs.replay.history import History

REPLAYS = ("fold", "handler")
NAME = "replay_corpus"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare where the histories are, and how they are replayed."""
    group = parser.getgroup("reprise", "replay of recorded histories")
    group.addoption(
        "--replay-corpus", action="append", default=[], type=Path, metavar="DIR",
        help="replay the histories in this folder; may be repeated",
    )  # fmt: skip
    group.addoption(
        "--replay", action="append", choices=REPLAYS, default=[],
        help="replay histories in this way alone; may be repeated (all)",
    )  # fmt: skip
    group.addoption(
        "--replay-accept", action="store_true",
        help="record the states of histories that have none yet, as today's code folds them",
    )  # fmt: skip
    group.addoption(
        "--replay-shrink", action="store_true",
        help="write a smaller history that fails the same way beside one whose handler diverges",
    )  # fmt: skip
    parser.addini(NAME, "folders of recorded histories, as --replay-corpus", type="paths")


def pytest_configure(config: pytest.Config) -> None:
    """Have the folders collected beside what else is."""
    for folder in corpora(config):
        if not folder.is_dir():
            raise pytest.UsageError(f"--replay-corpus: there is no folder {folder}")
        if str(folder) not in config.args:  # a worker of xdist has it from the main process
            config.args.append(str(folder))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect each history of the folders; states and shrunk histories are beside them."""
    name = file_path.name
    if not name.endswith(".ndjson") or name.endswith((STATES, SHRUNK)):
        return None
    if not any(folder in file_path.parents for folder in corpora(parent.config)):
        return None
    made: HistoryFile = HistoryFile.from_parent(parent, path=file_path)
    made.replays = tuple(parent.config.getoption("replay")) or REPLAYS
    return made


def corpora(config: pytest.Config) -> list[Path]:
    """Return the folders of histories, from the command line or the configuration."""
    given: list[Path] = config.getoption("replay_corpus") or config.getini(NAME)
    return [(config.invocation_params.dir / folder).resolve() for folder in given]


@pytest.fixture
def history(pytestconfig: pytest.Config) -> Callable[[str | Path], History]:
    """Load a history: by its name in a folder of `--replay-corpus`, or by its path."""
    from jobs.replay.history import load_history

    def load(name: str | Path) -> History:
        places = [folder / f"{name}.ndjson" for folder in corpora(pytestconfig)]
        found = next((place for place in places if place.is_file()), Path(name))
        return load_history(found)

    return load


@pytest.fixture
def harness() -> ModuleType:
    """Run kinds in memory, by `harness.run` and `harness.run_sync` (jobs.replay.harness)."""
    from jobs.replay import harness
    from jobs.replay.minimal_django import ensure_django

    ensure_django()
    return harness
