"""Fixtures that integration tests share: the people, and kinds that anybody may submit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from jobs.access.visibility import Principal
from jobs.kinds import registry
from jobs.system_log import unrecorded
from tests.integration import credential_kinds, runs
from tests.support import kinds
from tests.support.archives import ArchiveFolder, open_archive
from tests.support.credentials import keys_in
from tests.support.intruder import Intruder, open_intruder
from tests.support.people import People, Person, make_people, make_person
from tests.support.rights_fleet import granted_fleet
from tests.support.sealing import seals_in
from tests.support.services import Services


@pytest.fixture
def people(database: str) -> People:
    """The people of the tests, in this test's database."""
    return make_people()


@pytest.fixture
def say_kinds() -> Iterator[None]:
    """The kinds of `tests.support.kinds` beside the built-in ones."""
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=kinds.PATHS):
        yield
    registry._find_kinds.cache_clear()


@pytest.fixture
def scripts() -> Iterator[None]:
    """The kinds of `tests.integration.runs`, which do what a test says, and short times."""
    with runs.scripts():
        yield


@pytest.fixture
def who(database: str) -> Principal:
    """An operator of the only team, in this test's database."""
    return runs.operator()


@pytest.fixture
def key_file(database: str, tmp_path: Path) -> Iterator[Path]:
    """The file of the keys for secrets, of this test's own."""
    with keys_in(tmp_path) as file:
        yield file


@pytest.fixture
def asking_kinds() -> Iterator[None]:
    """The kinds of `tests.integration.credential_kinds` beside the built-in ones."""
    with credential_kinds.asking():
        yield


@pytest.fixture
def archive_folder(
    services: Services, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ArchiveFolder]:
    """An archive storage of this test's own, and the right to drop a month."""
    with open_archive(services, database, tmp_path / "archive") as made:
        monkeypatch.setenv("REPRISE_SUPERUSER_DATABASE_URL", made.owner_url)
        yield made


@pytest.fixture
def seal_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of this test's own: seals in `seals`, the key in `seal_key`."""
    with seals_in(tmp_path) as folder:
        yield folder


@pytest.fixture
def silent_system() -> Iterator[None]:
    """The system's own log says nothing, which else would want to be sealed, too."""
    with unrecorded():
        yield


@pytest.fixture
def intruder(database: str, services: Services) -> Iterator[Intruder]:
    """Somebody who owns the database of this test."""
    with open_intruder(services, database) as found:
        yield found


@pytest.fixture
def fleet(people: People) -> Iterator[People]:
    """Two teams with rights, and their targets."""
    with granted_fleet(people):
        yield people


@pytest.fixture
def dora(fleet: People) -> Person:
    """A commander of team red."""
    return make_person("dora", "commander", fleet.red)
