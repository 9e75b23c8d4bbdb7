"""How a release comes to a host: copied, checked, unpacked beside its place, renamed into it."""

from __future__ import annotations

import hashlib
import os
import tarfile
from shutil import rmtree
from typing import Any

from ops.fleet.host.basics import DIM, GREEN, Failed, say
from ops.fleet.host.target import Target

CHUNKS = 8  # a fetch is copied in so many pieces


def fetch(target: Target, entry: dict[str, Any]) -> None:
    """Bring the release of this manifest entry here; it is seen only once its sums are right."""
    version, place = entry["version"], target.path("releases", entry["version"])
    for name in os.listdir(target.path("releases")):
        if name.startswith(".fetch-"):  # a fetch that was killed; its turn is over, so it is ours
            rmtree(target.path("releases", name))
    damaged = target.tripped("fetch")
    if is_right(place) and not damaged:
        say(f"ok, {version} is here already", GREEN)
        return
    work = target.path("releases", f".fetch-{os.getpid()}")
    os.mkdir(work)
    try:
        archive, new = os.path.join(work, "archive"), os.path.join(work, "release")
        copy(target, entry, archive, damaged)
        unpack(archive, new)
        if not is_right(new):
            raise Failed(f"{entry['archive']}: its files are not what its MANIFEST.sha256 says")
        if os.path.isdir(place):  # somebody changed it
            os.rename(place, os.path.join(work, "damaged"))
        os.rename(new, place)
    finally:
        rmtree(work, ignore_errors=True)
    say(f"ok, {version} is unpacked, all sums right", GREEN)


def copy(target: Target, entry: dict[str, Any], to: str, damaged: bool) -> None:
    """Copy an archive from the repository and check its SHA-256 against the manifest."""
    size, done, digest = int(entry["size"]), 0, hashlib.sha256()
    with (
        open(os.path.join(target.repository, entry["archive"]), "rb") as source,
        open(to, "wb") as out,
    ):
        while chunk := source.read(size // CHUNKS + 1):
            chunk = chunk[::-1] if damaged else chunk  # as a bad line would
            digest.update(chunk)
            out.write(chunk)
            done += len(chunk)
            say(f"{entry['archive']}  {100 * done // size} %  {done / 1e6:.2f} MB", DIM)
            target.pause(1.0 / CHUNKS)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != entry["sha256"]:
        raise Failed(
            f"{entry['archive']}: SHA-256 is {digest.hexdigest()[:12]}…, "
            f"the manifest says {entry['sha256'][:12]}…"
        )
    say(f"SHA-256 {entry['sha256'][:12]}… ok", DIM)


def unpack(archive: str, to: str) -> None:
    """Unpack plain files and folders; anything that would land elsewhere is refused."""
    with tarfile.open(archive) as tar:
        for member in tar:
            place = os.path.normpath(os.path.join(to, member.name))
            if not member.isfile() or not place.startswith(to + os.sep):
                raise Failed(f"{member.name} does not belong into a release")
            os.makedirs(os.path.dirname(place), exist_ok=True)
            content = tar.extractfile(member)
            with open(place, "wb") as out:
                out.write(content.read() if content else b"")


def is_right(release: str) -> bool:
    """Return whether a release is there, each file as its MANIFEST.sha256 says."""
    try:
        with open(os.path.join(release, "MANIFEST.sha256")) as manifest:
            sums = [line.rstrip("\n").split("  ", 1) for line in manifest]
        return all(sum_of(os.path.join(release, name)) == expected for expected, name in sums)
    except FileNotFoundError:
        return False


def sum_of(path: str) -> str:
    """Return a file's SHA-256 in hex."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
