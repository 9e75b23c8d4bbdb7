"""`reprise-admin doctor`: keys, archives, seals and backups that are lost or open to others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from core import clock
from jobs import doctor
from jobs.integrity import seals
from jobs.models import Archive, Credential, Seal
from jobs.secrets import keys
from tests.support.doctor import find
from tests.support.factories import make_job
from tests.support.sealing import seals_in

pytestmark = pytest.mark.usefixtures("database", "redis")
OK, WARNING, PROBLEM = doctor.Grade.OK, doctor.Grade.WARNING, doctor.Grade.PROBLEM


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder of the test's own."""
    names = {"secret_keys": tmp_path / "secret_keys", "seal_key": tmp_path / "seal_key"}
    with override_settings(REPRISE=settings.REPRISE.with_changes(state=tmp_path, **names)):
        yield tmp_path


def test_secret_keys(state: Path) -> None:
    assert find("secret keys").said.startswith("none yet")
    key = keys.add_key()
    path = state / "secret_keys"
    assert find("secret keys").grade == OK
    path.chmod(0o640)
    assert find("secret keys").said == f"{path} has mode 0640: chmod 600 {path}"
    path.chmod(0o600)
    store_secret(key)
    assert find("secret keys").grade == OK
    path.unlink()
    assert f"lacks {key.id}, under which 1 secret" in find("secret keys").said


def store_secret(key: keys.Key) -> None:
    made = Credential(name="web", type="token", key_id=key.id)
    made.ciphertext = key.seal("x", b"")
    made.save()


def test_the_secret_key(state: Path) -> None:
    path = state / "secret_key"
    path.write_text("x" * 50)
    path.chmod(0o644)
    assert find("secret key").grade == PROBLEM
    path.chmod(0o600)
    assert find("secret key").grade == OK
    with override_settings(SECRET_KEY="short"):
        assert "shorter than 32" in find("secret key").said


def test_the_seal_key(state: Path) -> None:
    assert find("seal key").grade == WARNING
    seals.public_key()
    path = state / "seal_key"
    assert find("seal key").grade == OK
    path.chmod(0o644)
    assert find("seal key").said.endswith(f"chmod 600 {path}")
    path.write_text("no key")
    path.chmod(0o600)
    assert "cannot be used" in find("seal key").said
    path.unlink()
    Seal.objects.create(number=1, at=clock.now(), text="{}")
    assert find("seal key").grade == OK


def test_archives_that_are_lost() -> None:
    Archive.objects.create(
        month="2020-01-01", name="2020-01.zst", jobs=1, events=1, size=1, sha256="0",
        dropped_at=clock.now(),
    )  # fmt: skip
    assert find("archives").said.startswith("2020-01.zst not there (1 file)")


def test_the_last_seal_s_file(state: Path) -> None:
    assert find("seals").said == "none yet"
    make_job()
    with seals_in(state):
        made = seals.seal_heads()
        assert made is not None
        assert find("seals").said.startswith(f"the file of seal {made.number} is there")
        Seal.objects.create(number=made.number + 1, at=clock.now(), text="{}")
        assert (find("seals").grade, "restore it" in find("seals").said) == (PROBLEM, True)
    with seals_in(state / "nowhere"):
        assert (find("seals").grade, "elsewhere" in find("seals").said) == (OK, True)


def test_backups(tmp_path: Path) -> None:
    nowhere = find("backups", backups=tmp_path / "none")
    assert (nowhere.grade, "make a backup" in nowhere.said) == (WARNING, True)
    assert "no finished backup" in find("backups", backups=tmp_path).said
    made = tmp_path / "first" / "backup.json"
    made.parent.mkdir()
    grades = []
    for hours in (1, 30, 300):
        ended = clock.rfc3339(clock.now() - timedelta(hours=hours))
        made.write_text(json.dumps({"finished_at": ended}))
        grades.append(find("backups", backups=tmp_path).grade)
    assert grades == [OK, WARNING, PROBLEM]
    made.write_text("{}")
    assert f"{made} cannot be read" in find("backups", backups=tmp_path).said
