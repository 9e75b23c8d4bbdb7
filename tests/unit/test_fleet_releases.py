"""Release archives: what they hold, that they are checked, and that they stay in their place."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ops.fleet import releases
from ops.fleet.host.basics import Failed, link
from ops.fleet.host.release import is_right, unpack


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    releases.build(tmp_path / "repository")
    return tmp_path / "repository"


def manifest(repository: Path) -> dict[str, dict[str, Any]]:
    entries = json.loads((repository / "manifest.json").read_text())["releases"]
    return {entry["version"]: entry for entry in entries}


def archive_with(member: tarfile.TarInfo, to: Path) -> Path:
    with tarfile.open(to, "w:gz") as tar:
        tar.addfile(member, io.BytesIO(bytes(member.size)))
    return to


def test_every_sum_in_the_manifest_is_right_but_that_of_the_damaged_release(
    repository: Path,
) -> None:
    wrong = [
        version
        for version, entry in manifest(repository).items()
        if hashlib.sha256((repository / entry["archive"]).read_bytes()).hexdigest()
        != entry["sha256"]
    ]
    assert wrong == ["1.6.1-damaged"]


def test_versions_to_update_to_are_in_the_manifest_and_sound(repository: Path) -> None:
    assert releases.updatable() == ["1.5.0", "1.6.0"]
    assert set(releases.updatable()) < set(manifest(repository))


def test_building_twice_makes_the_same_archives(repository: Path) -> None:
    before = manifest(repository)
    releases.build(repository)
    assert manifest(repository) == before


def test_an_unpacked_release_is_right_until_a_file_changes(
    repository: Path, tmp_path: Path
) -> None:
    place = tmp_path / "1.5.0"
    unpack(str(repository / "game-1.5.0.tar.gz"), str(place))
    assert is_right(str(place))
    (place / "maps" / "harbour.map").write_bytes(b"else")
    assert not is_right(str(place))
    (place / "maps" / "harbour.map").unlink()
    assert not is_right(str(place))


def test_the_program_in_a_release_is_its_own_version(repository: Path, tmp_path: Path) -> None:
    unpack(str(repository / "game-1.6.0.tar.gz"), str(tmp_path / "1.6.0"))
    assert json.loads((tmp_path / "1.6.0" / "release.json").read_text())["version"] == "1.6.0"
    assert (tmp_path / "1.6.0" / "server.py").read_bytes() == releases.PROGRAM.read_bytes()


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a/../../escaped"])
def test_nothing_is_unpacked_outside_its_place(name: str, tmp_path: Path) -> None:
    member = tarfile.TarInfo(name)
    member.size = 4
    with pytest.raises(Failed, match="does not belong"):
        unpack(str(archive_with(member, tmp_path / "bad.tar.gz")), str(tmp_path / "place"))
    assert not (tmp_path / "escaped").exists()


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("server.py")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(Failed, match="does not belong"):
        unpack(str(archive_with(member, tmp_path / "bad.tar.gz")), str(tmp_path / "place"))


def test_current_is_replaced_even_after_one_was_killed_in_between(tmp_path: Path) -> None:
    link(str(tmp_path), "1.4.0")
    (tmp_path / "current.new").symlink_to("releases/1.5.0")
    link(str(tmp_path), "1.6.0")
    assert (tmp_path / "current").readlink() == Path("releases/1.6.0")
    assert not (tmp_path / "current.new").is_symlink()
