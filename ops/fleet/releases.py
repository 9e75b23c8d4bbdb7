"""The demo fleet's repository: release archives (tar.gz) and the manifest that vouches for them.

    repository/manifest.json        {"releases":[{"version","archive","sha256","size","notes"}]}
    repository/game-1.5.0.tar.gz    server.py, release.json, maps/*.map, MANIFEST.sha256

`MANIFEST.sha256` holds the sum of each file in `sha256sum`'s own format, so that an unpacked
release can be checked at any time. Archives are the same bytes each time they are built.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import tarfile
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).with_name("gameserver.py")
MAPS = ("canyon", "harbour", "rooftops")
MAP_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Release:
    """One version of the game, `missing` the maps that it lacks although it names them."""

    version: str
    notes: str
    missing: tuple[str, ...] = ()
    damaged: bool = False
    listed: bool = False


INITIAL = "1.4.0"
RELEASES = (  # in the order in which they are offered
    Release("1.5.0", "new rooftops map", listed=True),
    Release("1.6.0", "faster matchmaking", listed=True),
    Release(INITIAL, "what every server starts with"),
    Release("1.5.1-broken", "starts, but lacks a map: never healthy", missing=("canyon",)),
    Release("1.6.1-damaged", "an archive that is not what its checksum says", damaged=True),
)


def updatable() -> list[str]:
    """Return the versions that a server can be updated to with success, oldest first."""
    return [release.version for release in RELEASES if release.listed]


def build(repository: Path) -> None:
    """Write every archive and then the manifest into `repository`; what is there is replaced."""
    repository.mkdir(parents=True, exist_ok=True)
    entries = []
    for release in RELEASES:
        content = archive(release)
        name = f"game-{release.version}.tar.gz"
        entries.append(
            {
                "version": release.version,
                "archive": name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "notes": release.notes,
            }
        )
        if release.damaged:
            middle = len(content) // 2
            content = content[:middle] + bytes(64) + content[middle + 64 :]
        replace(repository / name, content)
    replace(repository / "manifest.json", json.dumps({"releases": entries}, indent=1).encode())


def archive(release: Release) -> bytes:
    """Return the release as a tar.gz, the same bytes for the same release and program."""
    about = {"version": release.version, "maps": MAPS}
    files = {"server.py": PROGRAM.read_bytes(), "release.json": json.dumps(about).encode()}
    for name in MAPS:
        if name not in release.missing:
            files[f"maps/{name}.map"] = random.Random(release.version + name).randbytes(MAP_BYTES)  # noqa: S311 - filler, no secret
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())]
    files["MANIFEST.sha256"] = "".join(sums).encode()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), compresslevel=1, mtime=0)


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, nothing between."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
